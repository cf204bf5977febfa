"""Training on ten times as much data as there is memory, beside the same with enough, and beside the disk.

The frame is imported outside the limit. Inside, the process and every page of the shards that it maps count against a
memory cgroup of a tenth of the frame. Needs root.
"""

import time
from pathlib import Path

from bench import cgroup
from bench.child import NotRun
from bench.context import Bench
from bench.rounds import Contender, Measured
from bench.section import Row, Section

FRAME = "set"
TIMES_MEMORY = 10
READ_BYTES = 1 << 20
DISK = "disk, shards read cold"
SETTINGS = {"task": "classification", "mini_batch_size": 256, "ranks": 2}
NETS = {
    "logistic": {"hidden": "[]", "shuffle": "blocks", "epochs": 3},
    "200-200": {"hidden": "[200,200]", "epochs": 1},
}


def run(bench: Bench) -> Section:
    section = Section("a tenth of the data's size as memory")
    try:
        cgroup.drop_page_cache()  # before anything is made, as without root nothing here can be run
        frame = Frame(bench)
    except NotRun as failure:
        section.rows.append(Row("all of it", "MB/s", None, str(failure)))
        return section
    contenders = [Contender(DISK, frame.read_cold, "(every byte of the shards, 1 MiB a read, page cache dropped)")]
    for net in NETS:
        contenders += [frame.limited(net), frame.warm(net)]
    measured = bench.rounds(contenders)
    section.add(measured, "megabytes_per_second", "MB/s")
    section.notes.append(
        f"{frame.bytes:,} bytes as a frame, memory limit {frame.limit_bytes:,} bytes. Rates are bytes of the frame by "
        "the seconds of training."
    )
    for net in NETS:
        ask(section, net, measured)
    return section


def ask(section: Section, net: str, measured: dict[str, Measured]) -> None:
    limited, warm, disk = measured[limited_name(net)], measured[warm_name(net)], measured[DISK]
    rates = [one.median("megabytes_per_second") for one in (limited, warm, disk)]
    share = rates[0] / min(rates[1:]) if all(rates) else None
    what = f"{net}: limited / the lower of disk and enough memory"
    section.ask(what, share, 0.8, "%", limited, warm, disk)
    hashes = {result["blake3"] for one in (limited, warm) for result in one.results}
    both = limited.results and warm.results
    section.ask(f"{net}: distinct models of both", len(hashes) if both else None, 1, "", limited, warm, at_most=True)


def limited_name(net: str) -> str:
    return f"{net}, limited"


def warm_name(net: str) -> str:
    return f"{net}, enough memory"


class Frame:
    """The set, imported under a name into a data folder that lasts for the task."""

    def __init__(self, bench: Bench):
        self.bench, self.folder = bench, bench.scratch / "outofcore"
        data = bench.sets.larger_than_memory() / "train"
        bench.aquifer.call(["frame", "import", FRAME, data], self.folder)
        frames = bench.aquifer.call(["frame", "ls"], self.folder)["frames"]
        self.bytes: int = next(frame["bytes"] for frame in frames if frame["name"] == FRAME)
        self.limit_bytes = self.bytes // TIMES_MEMORY

    def words(self, net: str) -> list:
        return self.bench.aquifer.train_words(FRAME, SETTINGS | NETS[net])

    def limited(self, net: str) -> Contender:
        words = self.words(net)

        def run() -> dict:
            cgroup.drop_page_cache()
            with cgroup.memory_limit(self.limit_bytes) as enter:
                return self.rated(self.bench.aquifer.train(words, enter, self.folder), net)

        return Contender(limited_name(net), run, f"{self.bench.shown(words)} --dir TMP  # in the cgroup")

    def warm(self, net: str) -> Contender:
        words = self.words(net)

        def run() -> dict:
            self.read()
            return self.rated(self.bench.aquifer.train(words, folder=self.folder), net)

        return Contender(warm_name(net), run, f"{self.bench.shown(words)} --dir TMP")

    def rated(self, result: dict, net: str) -> dict:
        return result | {"megabytes_per_second": NETS[net]["epochs"] * self.bytes / 1e6 / result["seconds"]}

    def read_cold(self) -> dict:
        cgroup.drop_page_cache()
        start = time.perf_counter()
        total = self.read()
        return {"megabytes_per_second": total / 1e6 / (time.perf_counter() - start)}

    def read(self) -> int:
        return sum(read_through(path) for path in (self.folder / "shards").iterdir())


def read_through(path: Path) -> int:
    buffer, total = bytearray(READ_BYTES), 0
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            total += count
    return total
