"""What it costs to sum gradients at every step: 8 ranks of 32 rows, beside 2 ranks of 256 that average."""

from bench.context import Bench
from bench.section import Section


def run(bench: Bench) -> Section:
    higgs = bench.sets.higgs()
    usual = {"hidden": "[200,200]", "epochs": 3}
    gradient, average = "gradient, 8 ranks × 32 rows", "average, 2 ranks × 256 rows"
    measured = bench.rounds(
        [
            bench.own(gradient, higgs, usual | {"averaging.mode": "gradient", "ranks": 8, "mini_batch_size": 32}),
            bench.own(average, higgs, usual | {"averaging.mode": "average", "ranks": 2, "mini_batch_size": 256}),
        ]
    )
    section = Section("28-200-200-1, global batches of 256")
    section.add(measured, "rows_per_second", "rows/s")
    rates = [measured[name].median("rows_per_second") for name in (gradient, average)]
    share = rates[0] / rates[1] if all(rates) else None
    section.ask("gradient / average", share, 0.92, "%", *measured.values())
    return section
