#!/usr/bin/env python3
"""Runs Aquifer beside its peers, one at a time, and writes the figures into docs/benchmarks.md.

    python3 tests/peers/run.py --rows 1000000
    python3 tests/peers/run.py --list
    python3 tests/peers/run.py --rows 125000 --only step256 h2o --out /tmp/figures.md

Makes what it needs: a virtual environment with the peers, the data, and the release binary. A peer that cannot be
installed or fails is a row `not run`, with the reason. Times depend on the machine, so nothing else should run on it.

Exit code 0: the figures are written, whether reached or not; 2: it could not begin.
"""

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CACHE = Path.home() / ".cache" / "aquifer-peers"


def main() -> int:
    given = arguments().parse_args()
    # As Ctrl-C does: what runs is ended, and what was made for the run is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.path.insert(0, str(HERE))
    from bench import environment

    environment.enter(given.venv)
    try:
        from tasks import TASKS
    except ModuleNotFoundError as absent:
        print(f"the data cannot be made: {absent}", file=sys.stderr)
        return 2

    if given.list:
        for name, task in TASKS.items():
            print(f"{name:10} {task.__doc__.splitlines()[0]}")
        return 0
    unknown = [name for name in given.only or [] if name not in TASKS]
    if unknown:
        print(f"no task {unknown[0]!r}; there are {', '.join(TASKS)}", file=sys.stderr)
        return 2
    run({name: TASKS[name] for name in given.only or TASKS}, given)
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rows", type=int, default=1_000_000, help="training rows of the tabular sets (default: %(default)s)")
    add("--only", nargs="+", metavar="TASK", help="these tasks; prints, and writes only where --out is given")
    add("--list", action="store_true", help="say what the tasks are, and run none")
    add("--repeat", type=int, default=3, metavar="N", help="rounds of each task (default: %(default)s)")
    add("--threads", type=int, default=2, metavar="N", help="of every program (default: %(default)s)")
    add("--limit", type=float, default=900, metavar="SECONDS", help="of one run of one program (default: %(default)s)")
    add("--binary", type=Path, metavar="PATH", help="aquifer to run (default: target/release/aquifer)")
    add("--venv", type=Path, metavar="DIR", default=CACHE / "venv", help="virtual environment of the peers")
    add("--data", type=Path, metavar="DIR", default=CACHE / "data", help="where the sets are kept")
    add("--out", type=Path, metavar="FILE", help="document to write (default: docs/benchmarks.md)")
    add("--json", type=Path, metavar="FILE", help="every figure of every run, as JSON")
    return parser


def run(tasks: dict, given: argparse.Namespace) -> None:
    from bench import report
    from bench.aquifer import Aquifer
    from bench.child import Allowance
    from bench.context import Bench
    from bench.sets import Sets

    binary, data = built(given.binary), given.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    allowance = Allowance(given.threads, given.limit)
    sections = {}
    # Beside the data, so that both are on one disk: the folder for temporary files may be memory.
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=data) as scratch:
        aquifer = Aquifer(binary, Path(scratch), allowance)
        bench = Bench(aquifer, Sets(data, given.rows), given.repeat, Path(scratch), allowance)
        for name, task in tasks.items():
            print(name, file=sys.stderr)
            sections[name] = section_of(task, bench)
            write_json(given.json, sections)
    text = without_paths(bench.short(report.markdown(head(given, binary), sections)))
    print(text)
    out = given.out or (None if given.only else REPOSITORY / "docs" / "benchmarks.md")
    if out is not None:
        report.put(out, text)


def without_paths(text: str) -> str:
    """Reasons may quote a path, and a document has none of one machine."""
    return text.replace(str(REPOSITORY), ".").replace(str(Path.home()), "~")


def section_of(task, bench):
    """A task that fails as a whole is a section that says so: the figures of the others are not lost by it."""
    from bench.section import Row, Section

    try:
        return task.run(bench)
    except Exception as failure:
        traceback.print_exc()
        reason = f"{type(failure).__name__}: {failure}"
        return Section(task.__doc__.splitlines()[0], [Row("all of it", "", None, reason)])


def built(binary: Path | None) -> Path:
    if binary is not None:
        return binary.resolve(strict=True)
    binary = REPOSITORY / "target" / "release" / "aquifer"
    if not binary.exists():
        subprocess.run(["cargo", "build", "--release"], cwd=REPOSITORY, check=True)
    return binary


def head(given: argparse.Namespace, binary: Path) -> list[str]:
    from bench import machine

    versions = ", ".join(f"{name} {version}" for name, version in machine.versions(binary).items())
    only = f" --only {' '.join(given.only)}" if given.only else ""
    rounds = "one round" if given.repeat == 1 else f"medians of {given.repeat} rounds in turn"
    command = f"python3 tests/peers/run.py --rows {given.rows} --repeat {given.repeat} --threads {given.threads}{only}"
    return [
        f"{machine.today()}, {machine.facts()}.",
        f"{given.rows:,} rows, {given.threads} threads for every program; {rounds}. {versions}.",
        "",
        f"    {command}",
    ]


def write_json(path: Path | None, sections: dict) -> None:
    if path is not None:
        plain = {name: dataclasses.asdict(section) for name, section in sections.items()}
        path.write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
