"""Contenders of one task, run one at a time in rounds, so that all meet the same noise; medians and ranges of them.

The order turns around from round to round. One that failed is not run again.
"""

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.child import NotRun


@dataclass(frozen=True)
class Contender:
    """`run` gives figures by name, or raises `NotRun`; `command` is what the report shows."""

    name: str
    run: Callable[[], dict]
    command: str


@dataclass(frozen=True)
class Spread:
    median: float
    least: float
    most: float


@dataclass
class Measured:
    command: str
    results: list[dict] = field(default_factory=list)
    reason: str | None = None  # why it was not run, or not to the end

    def of(self, figure: str) -> Spread | None:
        values = [result[figure] for result in self.results if result.get(figure) is not None]
        return Spread(statistics.median(values), min(values), max(values)) if values else None

    def median(self, figure: str) -> float | None:
        spread = self.of(figure)
        return spread.median if spread else None


def run_rounds(contenders: list[Contender], repeat: int) -> dict[str, Measured]:
    measured = {contender.name: Measured(contender.command) for contender in contenders}
    for number in range(repeat):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            one = measured[contender.name]
            if one.reason is not None:
                continue
            print(f"  round {number + 1}: {contender.name}", file=sys.stderr)
            try:
                one.results.append(contender.run())
            except NotRun as failure:
                one.reason = str(failure)
            except (KeyError, IndexError, TypeError, ValueError) as failure:
                one.reason = f"an answer of another form ({failure!r})"
            if one.reason is not None:
                print(f"    not run: {one.reason}", file=sys.stderr)
    return measured
