"""The most memory of its own that a training takes: mapped files are the system's to take back, and not counted."""

from bench.context import Bench
from bench.section import Section


def run(bench: Bench) -> Section:
    name = "aquifer, 2 ranks"
    settings = {"hidden": "[200,200]", "ranks": 2, "epochs": 1}
    measured = bench.rounds([bench.own(name, bench.sets.higgs(), settings)])
    section = Section(f"28-200-200-1, 2 ranks, {bench.rows:,} rows")
    section.add(measured, "peak_mib", "MiB")
    section.ask("peak", measured[name].median("peak_mib"), 100, "MiB", measured[name], at_most=True)
    return section
