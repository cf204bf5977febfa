"""Logistic regression straight from columns, beside PyTorch, Vowpal Wabbit and scikit-learn."""

from bench.context import Bench
from bench.section import Section, best

OWN_SAMPLES = 200_000_000  # some seconds' worth, or the clock and the threads' start would show
TORCH_BATCHES = (1024, 8192)
TORCH_SAMPLES = 8_000_000
VW_ROWS_MAX = 250_000  # its text is 400 bytes a row
SKLEARN_ROWS_MAX = 250_000


def run(bench: Bench) -> Section:
    higgs = bench.sets.higgs()
    train = higgs / "train"
    own, vw = "aquifer, blocks shuffled, 2 ranks", "Vowpal Wabbit, a pass over its cache"
    passes = max(1, OWN_SAMPLES // bench.rows)
    settings = {"hidden": "[]", "shuffle": "blocks", "mini_batch_size": 256, "ranks": 2, "epochs": passes}
    vw_rows, sklearn_rows = min(bench.rows, VW_ROWS_MAX), min(bench.rows, SKLEARN_ROWS_MAX)
    torch = {
        f"PyTorch, batch {batch}": dict(train=train, hidden=[], batch=batch, samples=TORCH_SAMPLES)
        for batch in TORCH_BATCHES
    }
    measured = bench.rounds(
        [
            bench.own(own, higgs, settings),
            *(bench.peer(name, "torch_net.py", **given) for name, given in torch.items()),
            bench.peer(vw, "vw_logistic.py", train=train, rows=vw_rows, text=higgs / f"vw-{vw_rows}.txt"),
            bench.peer(
                "scikit-learn SGDClassifier",
                "sklearn_model.py",
                model="logistic",
                train=train,
                rows=sklearn_rows,
                passes=3,
            ),
        ]
    )
    section = Section("28 numbers, logistic regression")
    section.add(measured, "rows_per_second", "rows/s")
    fastest = best({name: measured[name] for name in torch}, "rows_per_second")
    section.ask_ratio("aquifer / PyTorch at its best batch", measured[own], fastest, "rows_per_second", 20)
    section.ask_ratio("aquifer / Vowpal Wabbit", measured[own], measured[vw], "rows_per_second", 40)
    return section
