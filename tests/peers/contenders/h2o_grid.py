"""H2O: a grid of Deep Learning models with folds, one pass, other settings at their default."""

import signal
import sys
import time

import h2o
from answer import answer
from h2o.estimators import H2ODeepLearningEstimator
from h2o.grid.grid_search import H2OGridSearch
from h2o_net import free_port


def measure(given: dict) -> dict:
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
    finally:
        server = h2o.connection().local_server
        h2o.connection().close()
        server.shutdown()


answer(measure)
