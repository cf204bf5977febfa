"""Seconds of training until the test AUC is 0.845, best of a few batch sizes and rates, beside PyTorch.

Both sides are tried with the same batch sizes, rates and passes, once each; Aquifer in both of its modes. The best of
each side is then measured in rounds. A run of Aquifer ends at a fixed number of passes, so it is begun anew for each
number; PyTorch is one run that is evaluated on the way.
"""

import sys

from bench.child import NotRun
from bench.context import Bench
from bench.rounds import Contender, Measured
from bench.section import Section

AUC = 0.845
SETTINGS = [(32, 1e-3), (64, 1e-3), (128, 2e-3), (256, 2e-3), (512, 4e-3), (1024, 4e-3)]  # (rows a batch, rate)
PASSES = [0.1, 0.15, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3]
GRADIENT_RANKS = 8
GRADIENT_BATCH_LEAST = 256  # below it a rank has too few rows a step to be of use


def run(bench: Bench) -> Section:
    section = Section(f"seconds of training to a test AUC of {AUC}, {bench.rows:,} rows")
    searches = {"aquifer": search_own(bench), "PyTorch": search_torch(bench)}
    best = {side: min(found, key=lambda one: one.seconds) for side, found in searches.items() if found}
    measured = bench.rounds([found.contender for found in best.values()])
    sides = []
    for side in searches:
        if side in best:
            sides.append(measured[best[side].contender.name])
        else:
            measured[side] = Measured("", reason=f"no setting reached {AUC} within {PASSES[-1]} passes")
            sides.append(measured[side])
    section.add(measured, "seconds", "s")
    section.add({found.name: found.measured for found in sum(searches.values(), [])}, "seconds", "s")
    section.ask_ratio("aquifer / PyTorch, seconds", *sides, "seconds", 1 / 3, at_most=True)
    section.notes.append(
        f"Tried for both: batches and rates {', '.join(f'{batch} with {rate:g}' for batch, rate in SETTINGS)}; "
        f"{', '.join(map(str, PASSES))} passes. Evaluations are not counted. The first rows are the best of each side, "
        f"measured again; those of the search are single runs, and of settings that reached {AUC} (of Aquifer, while "
        "they were not slower than one before)."
    )
    return section


class Found:
    """A setting that reached the AUC in its one run of the search."""

    def __init__(self, contender: Contender, result: dict):
        self.contender, self.seconds = contender, result["seconds"]
        self.name, self.measured = f"search: {contender.name}", Measured("", [result])


def search_own(bench: Bench) -> list[Found]:
    found: list[Found] = []
    for mode, batch, rate in own_settings():
        ranks = GRADIENT_RANKS if mode == "gradient" else 2
        # In mode average a rank steps on its own; in mode gradient all ranks make one batch.
        rows = batch // ranks if mode == "gradient" else batch
        for passes in PASSES:
            settings = {"hidden": "[200,200]", "ranks": ranks, "averaging.mode": mode, "mini_batch_size": rows}
            settings |= {"learning_rate": rate, "epochs": passes}
            name = f"aquifer, {mode}, batch {batch}, rate {rate:g}, {passes} passes"
            contender = bench.own(name, bench.sets.higgs(), settings)
            result = attempt(contender)
            # More passes only take longer.
            if result is None or result["seconds"] > min((one.seconds for one in found), default=float("inf")):
                break
            if result["test_auc"] >= AUC:
                found.append(Found(contender, result))
                break
    return found


def own_settings() -> list[tuple[str, int, float]]:
    average = [("average", batch, rate) for batch, rate in SETTINGS]
    return average + [("gradient", batch, rate) for batch, rate in SETTINGS if batch >= GRADIENT_BATCH_LEAST]


def search_torch(bench: Bench) -> list[Found]:
    higgs, found = bench.sets.higgs(), []
    for batch, rate in SETTINGS:
        given = {"train": higgs / "train", "test": higgs / "test", "batch": batch, "learning_rate": rate}
        name = f"PyTorch, batch {batch}, rate {rate:g}"
        contender = bench.peer(name, "torch_until_auc.py", **given, auc=AUC, passes=PASSES)
        result = attempt(contender)
        if result is not None and result["seconds"] is not None:
            found.append(Found(contender, result))
    return found


def attempt(contender: Contender) -> dict | None:
    try:
        result = contender.run()
    except NotRun as failure:
        print(f"  {contender.name}: not run: {failure}", file=sys.stderr)
        return None
    seconds = result["seconds"]
    print(f"  {contender.name}: AUC {result['test_auc']:.4f}, {seconds and round(seconds, 2)} s", file=sys.stderr)
    return result
