"""Training speed of 28-200-200-1 in batches of 32, beside PyTorch and the processor's peak."""

from bench.context import Bench
from bench.section import Section
from tasks.step256 import steps

TORCH_SAMPLES_MAX = 250_000  # some seconds: its rate does not depend on the rows


def run(bench: Bench) -> Section:
    return steps(bench, batch=32, torch_samples=TORCH_SAMPLES_MAX, times_torch=8, share=0.62)
