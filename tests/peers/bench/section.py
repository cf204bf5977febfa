"""What a task gives back: rows of figures, and figures that were asked for."""

from dataclasses import dataclass, field

from bench.rounds import Measured, Spread


@dataclass
class Row:
    name: str
    unit: str
    value: Spread | None
    reason: str | None = None


@dataclass
class Demand:
    """A figure against what is asked of it. Without a value it was not measured, and `reason` says why."""

    what: str
    value: float | None
    asked: float
    unit: str
    at_most: bool = False
    reason: str | None = None

    @property
    def reached(self) -> bool:
        return self.value is not None and (self.value <= self.asked if self.at_most else self.value >= self.asked)


@dataclass
class Section:
    title: str
    rows: list[Row] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)

    def add(self, measured: dict[str, Measured], figure: str, unit: str) -> None:
        """A row for each contender. What a contender lacks although it ran is not one of its figures."""
        self.measured |= measured
        for name, one in measured.items():
            self.rows.append(Row(name, unit, one.of(figure), one.reason or f"no `{figure}` in its answer"))

    def ask(self, what: str, value: float | None, asked: float, unit: str, *needs: Measured, at_most=False) -> None:
        reasons = [one.reason for one in needs if one.reason is not None]
        reason = reasons[0] if reasons else "an answer lacks the figure"
        self.demands.append(Demand(what, value, asked, unit, at_most, None if value is not None else reason))

    def ask_ratio(self, what: str, own: Measured, other: Measured, figure: str, asked: float, at_most=False) -> None:
        """`own` as a multiple of `other`."""
        value = ratio(own.median(figure), other.median(figure))
        self.ask(what, value, asked, "×", own, other, at_most=at_most)


def ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def best(measured: dict[str, Measured], figure: str) -> Measured:
    """The one with the highest median; where none has one, the first, whose reason is then the reason."""
    return max(measured.values(), key=lambda one: one.median(figure) or 0.0)
