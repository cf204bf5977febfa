"""The share of a training step that the assembly of its batch takes, as `aquifer bench` measures it."""

from bench.child import NotRun
from bench.context import Bench
from bench.rounds import Contender
from bench.section import Section

FIGURE = "assembly / step 200-200 b256"


def run(bench: Bench) -> Section:
    words = ["bench", "--threads", bench.allowance.threads]
    name = "assembly / step"
    measured = bench.rounds([Contender(name, lambda: share(bench.aquifer.call(words)), bench.shown(words))])
    section = Section("28-200-200-1, batches of 256")
    section.add(measured, "percent", "%")
    percent = measured[name].median("percent")
    section.ask(FIGURE, None if percent is None else percent / 100, 0.03, "%", measured[name], at_most=True)
    return section


def share(answer: dict) -> dict:
    for figure in answer["figures"]:
        if figure["name"] == FIGURE:
            scale = 1 if figure.get("unit") in ("%", "percent") else 100
            return {"percent": scale * figure["value"]}
    raise NotRun(f"`aquifer bench` has no figure {FIGURE!r}")
