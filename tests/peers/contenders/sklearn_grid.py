"""scikit-learn: GridSearchCV over MLPClassifier, one pass, batch 256, a job a thread with one BLAS thread each."""

import os
import time
import warnings

# Before numpy is loaded.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}

import reading
from answer import answer
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier


def measure(given: dict) -> dict:
    warnings.simplefilter("ignore")  # of passes that are few on purpose
    x, y = reading.numbers(given["train"])
    x = reading.standardised(x)
    grid = {"hidden_layer_sizes": given["hidden"], "learning_rate_init": given["learning_rate"]}
    model = MLPClassifier(batch_size=256, max_iter=1, random_state=1)
    start = time.perf_counter()
    search = GridSearchCV(model, grid, cv=given["folds"], n_jobs=given["threads"], scoring="roc_auc").fit(x, y)
    seconds = time.perf_counter() - start
    fits = len(search.cv_results_["params"]) * (given["folds"] - 1) + 1
    return {"seconds": seconds, "best_auc": search.best_score_, "rows_per_second": fits * len(x) / seconds}


answer(measure)
