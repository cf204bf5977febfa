"""scikit-learn: rows a second of `fit`. `model` is `net` (MLPClassifier, 200-200) or `logistic` (SGDClassifier)."""

import time
import warnings

import reading
from answer import answer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier


def measure(given: dict) -> dict:
    x, y = reading.numbers(given["train"], given["rows"])
    x = reading.standardised(x)
    passes = given["passes"]
    if given["model"] == "net":
        model = MLPClassifier((200, 200), batch_size=given["batch"], max_iter=passes, random_state=1)
    else:
        model = SGDClassifier(loss="log_loss", max_iter=passes, tol=None, random_state=1)
    with warnings.catch_warnings():
        # The passes are few on purpose.
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(x, y)
        seconds = time.perf_counter() - start
    return {"rows_per_second": passes * len(x) / seconds, "seconds": seconds, "samples": passes * len(x)}


answer(measure)
