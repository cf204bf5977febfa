"""Predictions of a model file for Parquet files, and scoring alone, beside ONNX Runtime."""

from bench.child import NotRun
from bench.context import Bench
from bench.rounds import Contender
from bench.section import Section

SETTINGS = {"task": "classification", "hidden": "[200,200]", "ranks": 2, "mini_batch_size": 256, "epochs": 0.1}


def run(bench: Bench) -> Section:
    higgs = bench.sets.higgs()
    model, out = bench.scratch / "model.safetensors", bench.scratch / "predictions.parquet"
    train = bench.aquifer.train_words(higgs / "train", SETTINGS, test=higgs / "test")
    train += ["--out", model]
    words = ["predict", model, higgs / "train", "--out", out]

    def predict() -> dict:
        if not model.exists():
            raise NotRun("there is no model: its training failed")
        answer, seconds = bench.aquifer.timed(words)
        out.unlink()
        return {"rows_per_second": answer["rows"] / seconds, "seconds": seconds}

    def score() -> dict:
        model.unlink(missing_ok=True)
        return bench.aquifer.train(train)

    scoring, command, runtime = "aquifer, scoring in `train`", "aquifer, the whole command", "ONNX Runtime"
    onnx = bench.peer(runtime, "ort_predict.py", data=higgs / "train", out=bench.scratch / "onnx.parquet")
    # The first round makes the model before it is used.
    own = [Contender(scoring, score, bench.shown(train)), Contender(command, predict, bench.shown(words))]
    measured = bench.rounds([*own, onnx])
    section = Section("28-200-200-1, predictions of the training files")
    whole = {name: measured[name] for name in (command, runtime)}
    alone = {name: measured[name] for name in (scoring, runtime)}
    section.add(whole, "rows_per_second", "rows/s, whole work")
    section.add(alone, "scored_rows_per_second", "rows/s, scoring alone")
    section.ask_ratio("whole command: aquifer / ONNX Runtime", *whole.values(), "rows_per_second", 3)
    section.ask_ratio("scoring alone: aquifer / ONNX Runtime", *alone.values(), "scored_rows_per_second", 3)
    section.notes.append(
        "The command is timed from its start to its end, ONNX Runtime from the first read to the last write, with the "
        "best of four batch sizes and random weights. Scoring in `train` counts its metrics."
    )
    return section
