#!/usr/bin/env python3
"""Times the import of a set beside other tools that read the same files, one after another, and prints a Markdown table.

    python3 tests/peers/importing.py target/release/aquifer DIR
    python3 tests/peers/importing.py target/release/aquifer DIR --h2o --repeat 7

DIR holds Parquet files, as `make.py … --out` writes them below DIR/train. Every repetition runs each tool once, in turn, so
that all meet the same noise; the table shows medians and ratios.

* `pyarrow`: `read_table`, then an uncompressed `write_feather`, synced, in a process that has pyarrow loaded already.
* `aquifer`: `frame import` as a user types it, from the start of the process to its end, into an empty data folder; and the
  seconds of the import alone, as `train` reports them (`seconds.import`).
* `disk`: writing as many bytes as the frame has with one sync at the end.
* `h2o`: `import_file` into a running H2O of two threads, which keeps the data in memory.

Needs numpy and pyarrow; h2o and a Java for `--h2o`.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary", type=Path, help="path of the aquifer binary")
    arguments.add_argument("data", type=Path, help="folder of Parquet files")
    arguments.add_argument("--target", default="label", help="a column to train on, for `seconds.import`")
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--h2o", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="aquifer-importing-") as folder:
        bench = Bench(given.binary.resolve(strict=True), given.data, Path(folder), given.target)
        tools = {"pyarrow": bench.pyarrow, "aquifer, whole command": bench.command, "aquifer, import": bench.job}
        tools["disk, synced write"] = bench.disk
        if given.h2o:
            start_h2o()
            tools["h2o"] = bench.h2o
        seconds = {name: [] for name in tools}
        for _ in range(given.repeat + 1):  # the first one warms up, and does not count
            for name, tool in tools.items():
                seconds[name].append(tool())
        print_table({name: times[1:] for name, times in seconds.items()}, bench)
    return 0


class Bench:
    def __init__(self, binary: Path, data: Path, folder: Path, target: str):
        self.binary, self.data, self.folder, self.target = binary, data, folder, target
        self.bytes = 0

    def pyarrow(self) -> float:
        import pyarrow.feather
        import pyarrow.parquet

        path = self.folder / "table.feather"
        start = time.perf_counter()
        table = pyarrow.parquet.read_table(self.data)
        pyarrow.feather.write_feather(table, path, compression="uncompressed")
        sync(path)
        return time.perf_counter() - start

    def command(self) -> float:
        start = time.perf_counter()
        frame = self.run("frame", "import", "set", self.data)
        seconds = time.perf_counter() - start
        self.bytes = frame["bytes"]
        return seconds

    def job(self) -> float:
        short = ["--set", "hidden=[]", "--set", "epochs=0.001", "--set", "ranks=1", "--out", self.folder / "m.safetensors"]
        return self.run("train", self.data, "--target", self.target, *short)["seconds"]["import"]

    def disk(self) -> float:
        path, block = self.folder / "bytes", os.urandom(1 << 20)
        start = time.perf_counter()
        with open(path, "wb") as file:
            for _ in range(self.bytes >> 20):
                file.write(block)
        sync(path)
        return time.perf_counter() - start

    def h2o(self) -> float:
        import h2o

        start = time.perf_counter()
        frame = h2o.import_file(str(self.data))
        seconds = time.perf_counter() - start
        h2o.remove(frame.frame_id)
        return seconds

    def run(self, *words) -> dict:
        """A command with an empty data folder."""
        folder = self.folder / "data"
        shutil.rmtree(folder, ignore_errors=True)
        command = [self.binary, *words, "--dir", folder, "--output", "json"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AQUIFER_")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return json.loads(done.stdout)["data"]


def start_h2o() -> None:
    import h2o

    h2o.init(nthreads=2, max_mem_size="4g", bind_to_localhost=True, log_level="ERRR")
    h2o.no_progress()


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)


def print_table(seconds: dict[str, list[float]], bench: Bench) -> None:
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    own = medians["aquifer, whole command"]
    print(f"{bench.bytes / 1e6:.0f} MB as a frame; medians of {len(next(iter(seconds.values())))} runs\n")
    print("| | seconds | least | frame MB/s | times `aquifer, whole command` |")
    print("|---|---|---|---|---|")
    for name, median in medians.items():
        rate = bench.bytes / 1e6 / median
        print(f"| {name} | {median:.3f} | {min(seconds[name]):.3f} | {rate:.0f} | {median / own:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
