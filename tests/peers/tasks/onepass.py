"""Bytes read from the disk by the fold trials of a whole search, beside those of one trial, with less memory than data.

16 candidates × 5 folds of a linear net, one pass, scored twice while training, in a memory cgroup of about a third of the
frame. The process's own count of bytes (/proc/PID/io) is read when the first final fit begins to end. Needs root.
"""

import re
import subprocess
import time
from pathlib import Path

from bench import cgroup
from bench.child import NotRun
from bench.context import Bench
from bench.rounds import Contender
from bench.section import Section

ROWS = 4_000_000
LIMIT_MIB = 160
FRAME = "set"
SETTINGS = {
    "task": "regression",
    "hidden": "[]",
    "shuffle": "blocks",
    "mini_batch_size": 1024,
    "ranks": 2,
    "epochs": 1,
    "score_interval": 0.5,
}
FILE = """version = 1
frame = "set"
target = "label"
task = "regression"
[params]
hidden = []
shuffle = "blocks"
mini_batch_size = 1024
ranks = 2
epochs = 1
[search]
sort_by = "rmse"
[search.params]
l2 = [{values}]
[cross_validation]
nfolds = 5
[stopping]
score_interval = 0.5
"""


def run(bench: Bench) -> Section:
    section = Section("bytes read by 16 candidates × 5 folds and by one trial, above a memory limit")
    folder = bench.scratch / "onepass"
    bench.aquifer.call(["frame", "import", FRAME, bench.sets.of_rows(ROWS) / "train"], folder)
    search, train = "fold trials of the search", "one trial"
    measured = bench.rounds([searched(search, bench, folder), trained(train, bench, folder)])
    section.add(measured, "bytes", "bytes")
    section.ask_ratio("search / one trial", measured[search], measured[train], "bytes", 1.3, at_most=True)
    return section


def searched(name: str, bench: Bench, folder: Path) -> Contender:
    file = bench.scratch / "onepass.toml"
    words = ["grid", file, "--memory", f"{LIMIT_MIB}MiB"]

    def run() -> dict:
        # Values that no earlier round has had: what is done is not done again.
        unique = time.time_ns() % 10**9
        file.write_text(FILE.format(values=", ".join(f"{unique + i}e-15" for i in range(16))))
        return {"bytes": bytes_read(bench, words, folder, until_final=True)}

    return Contender(name, run, bench.shown(words) + "  # in the cgroup")


def trained(name: str, bench: Bench, folder: Path) -> Contender:
    words = bench.aquifer.train_words(FRAME, SETTINGS, "--memory", f"{LIMIT_MIB}MiB")
    run = lambda: {"bytes": bytes_read(bench, words, folder, until_final=False)}  # noqa: E731
    return Contender(name, run, bench.shown(words) + "  # in the cgroup")


def bytes_read(bench: Bench, words: list, folder: Path, until_final: bool) -> int:
    """Of the process, until it ends, or until the folds of a search have."""
    cgroup.drop_page_cache()
    began, last = time.time(), 0
    with cgroup.memory_limit(LIMIT_MIB << 20) as enter:
        command = [bench.aquifer.binary, *words, "--dir", folder]
        child = subprocess.Popen(list(map(str, command)), preexec_fn=enter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None:
            if not (until_final and folds_done(folder, began)):
                last = read_so_far(child.pid) or last
            time.sleep(0.02)
    if child.returncode != 0:
        raise NotRun(f"it ended with {child.returncode}")
    return last


def read_so_far(pid: int) -> int:
    try:
        found = re.search(r"read_bytes: (\d+)", Path(f"/proc/{pid}/io").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def folds_done(folder: Path, since: float) -> bool:
    """A trial has ended: all folds end together, as they are one cohort."""
    points = (path for path in folder.glob("jobs/*/points.jsonl") if path.stat().st_mtime >= since)
    return any('"ended":true' in path.read_text() for path in points)
