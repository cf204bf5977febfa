"""Training speed with text columns of up to 300 levels, beside PyTorch's one-hot columns and embedding bags."""

from bench.context import Bench
from bench.section import Section, best

TORCH_ROWS_MAX = 200_000  # one-hot columns are 2.6 kB a row
EXACT = {"PyTorch, one-hot columns": "onehot", "PyTorch, embedding bag": "bag"}
LAZY = {"PyTorch, embedding bag, SparseAdam": "sparse_bag"}


def run(bench: Bench) -> Section:
    airlines = bench.sets.airlines()
    own = "aquifer, 2 ranks"
    settings = {"hidden": "[200,200]", "mini_batch_size": 256, "ranks": 2, "epochs": 3}
    rows = min(bench.rows, TORCH_ROWS_MAX)
    given = {"train": airlines / "train", "rows": rows, "batch": 256, "samples": TORCH_ROWS_MAX}
    measured = bench.rounds(
        [
            bench.own(own, airlines, settings),
            bench.own("aquifer, 2 ranks, lazy Adam", airlines, settings | {"lazy_adam": "true"}),
            *(bench.peer(name, "torch_categorical.py", first=first, **given) for name, first in (EXACT | LAZY).items()),
        ]
    )
    section = Section("4 text columns and 4 numbers, 200-200, batches of 256")
    section.add(measured, "rows_per_second", "rows/s")
    fastest = best({name: measured[name] for name in EXACT}, "rows_per_second")
    what = "aquifer / PyTorch's faster way with exact Adam"
    section.ask_ratio(what, measured[own], fastest, "rows_per_second", 4)
    return section
