"""Keras over PyTorch: rows a second of `fit` on arrays, 200-200, after one warm-up fit."""

import os
import time

os.environ["KERAS_BACKEND"] = "torch"  # read at import

import keras
import reading
import torch
from answer import answer


def measure(given: dict) -> dict:
    torch.set_num_threads(given["threads"])
    keras.utils.set_random_seed(1)
    x, y = reading.numbers(given["train"], given["rows"])
    x = reading.standardised(x)
    hidden = [keras.layers.Dense(200, activation="relu") for _ in range(2)]
    net = keras.Sequential([keras.Input((x.shape[1],)), *hidden, keras.layers.Dense(1, activation="sigmoid")])
    net.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy")
    warm_up = 20 * given["batch"]
    net.fit(x[:warm_up], y[:warm_up], batch_size=given["batch"], epochs=1, verbose=0)
    start = time.perf_counter()
    net.fit(x, y, batch_size=given["batch"], epochs=1, verbose=0)
    seconds = time.perf_counter() - start
    return {"rows_per_second": len(x) / seconds, "seconds": seconds, "samples": len(x)}


answer(measure)
