"""H2O Deep Learning with its default settings (200-200): the training speed that it reports of itself, which leaves
out its own scoring; rows over its duration where it reports none."""

import re
import signal
import socket
import sys

import h2o
from answer import answer
from h2o.estimators import H2ODeepLearningEstimator


def measure(given: dict) -> dict:
    # H2O's client stops its server when Python exits, which a signal alone would not let it do.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    h2o.init(
        port=free_port(),
        nthreads=given["threads"],
        max_mem_size=given["memory"],
        bind_to_localhost=True,
        start_h2o=True,
        log_level="ERRR",
    )
    h2o.no_progress()
    try:
        frame = h2o.import_file(given["train"])
        frame["label"] = frame["label"].asfactor()
        model = H2ODeepLearningEstimator(epochs=1, max_runtime_secs=given["seconds"], stopping_rounds=0, seed=1)
        model.train(y="label", training_frame=frame)
        return last_score(model)
    finally:
        server = h2o.connection().local_server
        h2o.connection().close()
        server.shutdown()  # waits for its end: what is measured next has the machine to itself


def free_port() -> int:
    """H2O takes this port and the next."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


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
