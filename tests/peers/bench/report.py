"""Figures as Markdown, and their place between two lines of a document."""

from pathlib import Path

from bench.section import Demand, Row, Section

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
HEADING = "## Beside its peers"


def markdown(head: list[str], sections: dict[str, Section]) -> str:
    lines = [*head, "", *targets(sections)]
    for name, section in sections.items():
        lines += ["", *part(name, section)]
    return "\n".join(lines) + "\n"


def targets(sections: dict[str, Section]) -> list[str]:
    lines = ["| task | figure | measured | asked | |", "|---|---|---|---|---|"]
    for name, section in sections.items():
        lines += [target(name, demand) for demand in section.demands]
    return lines


def target(name: str, demand: Demand) -> str:
    asked = f"at {'most' if demand.at_most else 'least'} {quantity(demand.asked, demand.unit)}"
    if demand.value is None:
        return f"| {name} | {demand.what} | | {asked} | not run: {cell(demand.reason)} |"
    verdict = "reached" if demand.reached else "**not reached**"
    return f"| {name} | {demand.what} | {quantity(demand.value, demand.unit)} | {asked} | {verdict} |"


def part(name: str, section: Section) -> list[str]:
    lines = [f"### {name}: {section.title}", ""]
    if section.rows:
        lines += ["| | median | least | most | unit |", "|---|---|---|---|---|", *map(row, section.rows), ""]
    for note in section.notes:
        lines += [note, ""]
    commands = dict.fromkeys(one.command for one in section.measured.values() if one.command)
    lines += [f"    {command}" for command in commands]
    while not lines[-1]:
        lines.pop()
    return lines


def row(one: Row) -> str:
    if one.value is None:
        return f"| {one.name} | not run: {cell(one.reason)} | | | {one.unit} |"
    spread = (number(value) for value in (one.value.median, one.value.least, one.value.most))
    return f"| {one.name} | {' | '.join(spread)} | {one.unit} |"


def cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def number(value: float) -> str:
    """Whole from a hundred on, else three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def quantity(value: float, unit: str) -> str:
    if unit == "%":
        return f"{100 * value:.1f} %"
    return f"{value:.2f} {unit}" if unit else f"{value:g}"


def put(path: Path, text: str) -> None:
    """Between the markers, or as a new section at the end where there are none."""
    document = path.read_text() if path.exists() else ""
    if BEGIN in document and END in document:
        before, rest = document.split(BEGIN, 1)
        after = rest.split(END, 1)[1]
    else:
        before = document.rstrip("\n") + ("\n\n" if document else "") + HEADING + "\n\n"
        after = "\n"
    path.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
