"""What training a net costs by count, and the share of the processor's peak that a measured rate is."""

from bench.rounds import Contender, Measured
from bench.section import Section, ratio

LIMITS = "limits of the machine"


def training_flops(layers: list[int]) -> int:
    """Floating-point operations a row: forward, weight gradient and data gradient are 2·nᵢ·nᵢ₊₁ each, and nothing asks
    for the gradient of the inputs. 28-200-200-1: 263,600."""
    pairs = list(zip(layers, layers[1:]))
    return 6 * sum(a * b for a, b in pairs) - 2 * layers[0] * layers[1]


def limits_contender(bench) -> Contender:
    """The peak is measured within the rounds: it moves with the machine's clock as the figures do."""
    return Contender(LIMITS, bench.aquifer.limits_of_machine, bench.shown(bench.aquifer.limits_words()))


def ask_share(section: Section, own: Measured, limits: Measured, layers: list[int], asked: float) -> None:
    section.measured[LIMITS] = limits
    rate, peak = own.median("rows_per_second"), limits.median("fma_flops_per_second")
    value = ratio(None if rate is None else rate * training_flops(layers), peak)
    section.ask("share of the FMA rate", value, asked, "%", own, limits)
    section.notes.append(f"{'-'.join(map(str, layers))}: {training_flops(layers):,} FLOP a row.")
