"""9 candidates with 5 folds and final fits, one pass each, beside scikit-learn's GridSearchCV and H2O's grid."""

import time

from bench.context import Bench
from bench.rounds import Contender
from bench.section import Section, ratio

ROWS = 200_000
HIDDEN = [[64], [128], [64, 64]]
RATES = [0.0005, 0.001, 0.003]
FOLDS = 5
H2O_MEMORY = "4g"
FILE = """version = 1
data = ["{train}"]
target = "label"
task = "classification"
[params]
epochs = 1
mini_batch_size = 32
ranks = 1
[search]
sort_by = "auc"
[search.params]
hidden = {hidden}
learning_rate = {rates}
[cross_validation]
nfolds = {folds}
"""


def run(bench: Bench) -> Section:
    train = bench.sets.of_rows(ROWS) / "train"
    own, sklearn, h2o = "aquifer grid, batch 32", "scikit-learn GridSearchCV, batch 256, 2 jobs", "H2O grid"
    given = {"train": train, "hidden": HIDDEN, "learning_rate": RATES, "folds": FOLDS}
    lone = [lone_fit(bench, train, hidden) for hidden in HIDDEN]
    measured = bench.rounds(
        [
            grid(own, bench, train),
            bench.peer(sklearn, "sklearn_grid.py", **given),
            bench.peer(h2o, "h2o_grid.py", memory=H2O_MEMORY, **given),
            *lone,
        ]
    )
    section = Section("9 candidates × 5 folds and final fits, one pass, 200,000 × 28")
    whole = {name: one for name, one in measured.items() if name in (own, sklearn, h2o)}
    section.add(whole, "seconds", "s")
    section.add(whole, "best_auc", "AUC, mean of folds")
    section.add(measured, "rows_per_second", "rows/s")
    section.ask_ratio("scikit-learn's seconds / aquifer's whole command", measured[sklearn], measured[own], "seconds", 6)
    section.ask_ratio("H2O's seconds / aquifer's whole command", measured[h2o], measured[own], "seconds", 60)
    section.ask_ratio("best AUC / scikit-learn's", measured[own], measured[sklearn], "best_auc", 1)
    rates = [measured[one.name].median("rows_per_second") for one in lone]
    one_by_one = len(rates) / sum(1 / rate for rate in rates) if all(rates) else None
    share = ratio(measured[own].median("rows_per_second"), one_by_one)
    section.ask("rows/s / the same nets one by one", share, 0.8, "%", measured[own])
    section.notes.append("scikit-learn and H2O have their data in memory; aquifer's seconds are from the command's start to its end.")
    return section


def grid(name: str, bench: Bench, train) -> Contender:
    file = bench.scratch / "search.toml"
    file.write_text(FILE.format(train=train, hidden=HIDDEN, rates=RATES, folds=FOLDS))
    words = ["grid", file, "--threads", bench.allowance.threads]

    def run() -> dict:
        start = time.perf_counter()
        data = bench.aquifer.call(words)
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "best_auc": data["leaderboard"][0]["value"],
            "rows_per_second": data["samples"] / data["seconds"],
        }

    return Contender(name, run, bench.shown(words))


def lone_fit(bench: Bench, train, hidden: list[int]) -> Contender:
    settings = {"task": "classification", "epochs": 4, "ranks": 2, "hidden": str(hidden).replace(" ", "")}
    words = bench.aquifer.train_words(train, settings)
    return Contender(f"aquifer train, {hidden} alone", lambda: bench.aquifer.train(words), bench.shown(words))
