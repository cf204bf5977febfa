"""Vowpal Wabbit: rows a second of one pass of logistic regression over its binary cache.

Text is written and parsed to the cache first, which is not timed; the pass reads the cache alone.
"""

import time
from pathlib import Path

import reading
from answer import answer
from vowpalwabbit import Workspace


def measure(given: dict) -> dict:
    text, cache = Path(given["text"]), Path(given["text"] + ".cache")
    x, y = reading.numbers(given["train"], given["rows"])
    if not text.exists():
        write(text, reading.standardised(x), y)
    words = ["--data", text, "--cache_file", cache, "--passes", "1", "--loss_function", "logistic", "--quiet"]
    words = [str(word) for word in words]
    if not cache.exists():
        Workspace(arg_list=words).finish()
    start = time.perf_counter()
    model = Workspace(arg_list=words)
    seconds = time.perf_counter() - start
    samples = model.get_weighted_examples()
    model.finish()
    if samples != len(y):
        raise ValueError(f"Vowpal Wabbit learned from {samples:.0f} rows of {len(y)}")
    return {"rows_per_second": samples / seconds, "seconds": seconds, "samples": samples}


def write(path: Path, x, y) -> None:
    form = "%d |f " + " ".join(f"{j}:%.6g" for j in range(x.shape[1])) + "\n"
    part = path.with_suffix(".part")
    with open(part, "w") as file:
        file.writelines(form % (2 * label - 1, *row) for label, row in zip(y.tolist(), x.tolist()))
    part.rename(path)


answer(measure)
