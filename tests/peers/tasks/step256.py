"""Training speed of 28-200-200-1 in batches of 256, beside PyTorch and the processor's peak."""

from bench import flops
from bench.context import Bench
from bench.section import Section

TORCH_SAMPLES_MAX = 1_000_000


def run(bench: Bench) -> Section:
    return steps(bench, batch=256, torch_samples=TORCH_SAMPLES_MAX, times_torch=3, share=0.75)


def steps(bench: Bench, *, batch: int, torch_samples: int, times_torch: float, share: float) -> Section:
    higgs = bench.sets.higgs()
    settings = {"hidden": "[200,200]", "mini_batch_size": batch, "ranks": 2, "epochs": 3}
    samples = min(3 * bench.rows, torch_samples)
    own, torch = "aquifer, 2 ranks", "PyTorch"
    measured = bench.rounds(
        [
            bench.own(own, higgs, settings),
            bench.peer(torch, "torch_net.py", train=higgs / "train", hidden=[200, 200], batch=batch, samples=samples),
            flops.limits_contender(bench),
        ]
    )
    limits = measured.pop(flops.LIMITS)
    section = Section(f"28-200-200-1, batches of {batch}")
    section.add(measured, "rows_per_second", "rows/s")
    section.add({flops.LIMITS: limits}, "fma_gflops", "GFLOP/s")
    section.ask_ratio("aquifer / PyTorch", measured[own], measured[torch], "rows_per_second", times_torch)
    flops.ask_share(section, measured[own], limits, [28, 200, 200, 1], share)
    return section
