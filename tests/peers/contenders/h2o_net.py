"""H2O Deep Learning with its default settings (200-200): the training speed that it reports of itself, which leaves
out its own scoring; rows over its duration where it reports none."""

import re

from answer import answer
from h2o.estimators import H2ODeepLearningEstimator
from h2o_server import server


def measure(given: dict) -> dict:
    with server(given) as frame:
        model = H2ODeepLearningEstimator(epochs=1, max_runtime_secs=given["seconds"], stopping_rounds=0, seed=1)
        model.train(y="label", training_frame=frame)
        return last_score(model)


def last_score(model: H2ODeepLearningEstimator) -> dict:
    history = model._model_json["output"]["scoring_history"]
    last = dict(zip(history.col_header, history.cell_values[-1]))
    samples, seconds = float(last["samples"]), leading_number(last["duration"])
    said = leading_number(last.get("training_speed"))
    return {"rows_per_second": said or samples / seconds, "seconds": seconds, "samples": samples}


def leading_number(text: str | None) -> float:
    """Of `12345 obs/sec` and `1 min 12.3 sec`, in seconds."""
    minutes = re.search(r"([\d.]+) min", text or "")
    rest = re.search(r"([\d.]+) (?:sec|obs)", text or "")
    return 60 * float(minutes[1] if minutes else 0) + float(rest[1] if rest else 0)


if __name__ == "__main__":
    answer(measure)
