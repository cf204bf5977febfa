"""What a second worker process of one thread adds."""

from bench.context import Bench
from bench.section import Section


def run(bench: Bench) -> Section:
    higgs = bench.sets.higgs()
    settings = {"hidden": "[200,200]", "mini_batch_size": 256, "ranks": 2, "epochs": 3}
    one, two = "1 worker of 1 thread", "2 workers of 1 thread"
    measured = bench.rounds(
        [
            bench.own(one, higgs, settings, "--workers", 1, "--threads", 1),
            bench.own(two, higgs, settings, "--workers", 2, "--threads", 1),
        ]
    )
    section = Section("28-200-200-1, 2 ranks, batches of 256")
    section.add(measured, "rows_per_second", "rows/s")
    section.ask_ratio("2 workers / 1 worker", measured[two], measured[one], "rows_per_second", 1.9)
    return section
