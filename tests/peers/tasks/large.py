"""Training speed of a net beyond the second-level cache, 784-1024-1024-10, beside PyTorch and the processor's peak."""

from bench import flops
from bench.context import Bench
from bench.section import Section

LAYERS = [784, 1024, 1024, 10]
TORCH_SAMPLES = 15_000


def run(bench: Bench) -> Section:
    images = bench.sets.images()
    settings = {"hidden": "[1024,1024]", "mini_batch_size": 256, "ranks": 2, "epochs": 1}
    given = {"train": images / "train", "hidden": LAYERS[1:-1], "batch": 256, "samples": TORCH_SAMPLES}
    own = "aquifer, 2 ranks"
    measured = bench.rounds(
        [
            bench.own(own, images, settings),
            bench.peer("PyTorch", "torch_net.py", **given),
            flops.limits_contender(bench),
        ]
    )
    limits = measured.pop(flops.LIMITS)
    section = Section(f"{'-'.join(map(str, LAYERS))} on an MNIST-shaped set, batches of 256")
    section.add(measured, "rows_per_second", "rows/s")
    section.add({flops.LIMITS: limits}, "fma_gflops", "GFLOP/s")
    flops.ask_share(section, measured[own], limits, LAYERS, 0.75)
    return section
