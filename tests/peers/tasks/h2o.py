"""Training speed at default settings beside H2O Deep Learning; Keras and scikit-learn for comparison."""

from bench.context import Bench
from bench.section import Section

H2O_SECONDS_MAX = 45  # of training; its first seconds, before it is compiled, are part of it
H2O_MEMORY = "4g"
KERAS_ROWS_MAX = 250_000
SKLEARN_ROWS_MAX = 62_500


def run(bench: Bench) -> Section:
    higgs = bench.sets.higgs()
    train = higgs / "train"
    own, h2o = "aquifer, default settings", "H2O Deep Learning, default settings"
    keras_rows, sklearn_rows = min(bench.rows, KERAS_ROWS_MAX), min(bench.rows, SKLEARN_ROWS_MAX)
    measured = bench.rounds(
        [
            bench.own(own, higgs, {"hidden": "[200,200]", "epochs": 3}),
            bench.peer(h2o, "h2o_net.py", train=train, seconds=H2O_SECONDS_MAX, memory=H2O_MEMORY),
            bench.peer("Keras on PyTorch, batch 256", "keras_net.py", train=train, rows=keras_rows, batch=256),
            bench.peer(
                "scikit-learn MLPClassifier, batch 256",
                "sklearn_model.py",
                model="net",
                train=train,
                rows=sklearn_rows,
                batch=256,
                passes=1,
            ),
        ]
    )
    section = Section("28-200-200-1 at default settings")
    section.add(measured, "rows_per_second", "rows/s")
    section.ask_ratio("aquifer / H2O", measured[own], measured[h2o], "rows_per_second", 30)
    section.notes.append(
        "aquifer's batches are of 32 rows, H2O's of one. H2O's figure is the training speed it reports, which leaves "
        f"out its scoring; it learns from one pass or {H2O_SECONDS_MAX} s."
    )
    return section
