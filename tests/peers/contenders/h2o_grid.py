"""H2O: a grid of Deep Learning models with folds, one pass, other settings at their default."""

import time

from answer import answer
from h2o.estimators import H2ODeepLearningEstimator
from h2o.grid.grid_search import H2OGridSearch
from h2o_server import server


def measure(given: dict) -> dict:
    with server(given) as frame:
        model = H2ODeepLearningEstimator(epochs=1, nfolds=given["folds"], stopping_rounds=0, adaptive_rate=False, seed=1)
        search = H2OGridSearch(model, {"hidden": given["hidden"], "rate": given["learning_rate"]})
        start = time.perf_counter()
        search.train(y="label", training_frame=frame)
        seconds = time.perf_counter() - start
        models = len(search.models)
        best = max(one.auc(xval=True) for one in search.models)
        return {
            "seconds": seconds,
            "best_auc": best,
            "models": models,
            "rows_per_second": models * given["folds"] * frame.nrow / seconds,
        }


answer(measure)
