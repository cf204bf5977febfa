#!/usr/bin/env python3
"""What a loss costs in time, and what checkpoints do: the figures of docs/reliability.md. Needs Python alone.

    cargo build --profile ci && python3 tests/chaos/figures.py target/ci/aquifer

A cluster of three workers of one thread trains on COPIES of the Adult data. Undisturbed, it is timed; then again with one
worker killed at half time, its shards kept; with its shards removed as well, so that they are made again from the source; and
with the coordinator killed. All models must be equal. Times depend on the machine: nothing else should run on it.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data" / "adult" / "train.parquet"
COPIES = 20
EPOCHS = 4


class Cluster:
    """`cluster up` in a folder, with its log as JSON lines."""

    def __init__(self, aquifer: str, folder: Path):
        self.aquifer, self.dir, self.log = aquifer, folder / "cluster", folder / "log"
        environment = os.environ | {"AQUIFER_LOG": "info,aquifer_worker=debug", "AQUIFER_LOG_FORMAT": "json"}
        words = [aquifer, "cluster", "up", "--workers", "3", "--threads", "1", "--dir", self.dir]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=self.log.open("w"), env=environment)
        while not self.is_whole():
            time.sleep(0.05)

    def run(self, *words) -> subprocess.CompletedProcess:
        done = subprocess.run(self.words(*words), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{words}: {done.stderr}")
        return done

    def words(self, *words) -> list:
        address = self.dir / "address"
        url = address.read_text() if address.exists() else "http://127.0.0.1:9"
        return [self.aquifer, *words, "--cluster", url, "--token-file", self.dir / "token"]

    def status(self) -> dict | None:
        done = subprocess.run(self.words("cluster", "status", "--output", "json"), capture_output=True, text=True)
        return json.loads(done.stdout)["data"] if done.returncode == 0 else None

    def is_whole(self) -> bool:
        status = self.status()
        return status is not None and len(status.get("workers", [])) == 3

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def train(cluster: Cluster, out: Path, disturb=None, after: float = 0) -> float:
    """Seconds of a training of the frame, disturbed after some."""
    settings = ["hidden=[200,200]", f"epochs={EPOCHS}", "seed=7", "ranks=6", "score_interval=1"]
    words = ["train", "adult", "--target", "income", "--out", out, "--output", "json"]
    words += [word for setting in settings for word in ("--set", setting)]
    began = time.monotonic()
    process = subprocess.Popen(cluster.words(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if disturb:
        time.sleep(after)
        assert process.poll() is None, "the training was over before it was disturbed"
        disturb()
    _, said = process.communicate()
    if process.returncode != 0:
        sys.exit(said)
    return time.monotonic() - began


def main() -> None:
    aquifer = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files = [shutil.copy(DATA, folder / f"adult-{at:02}.parquet") for at in range(COPIES)]
        cluster = Cluster(aquifer, folder)
        try:
            measure(cluster, files, folder)
        finally:
            cluster.process.send_signal(signal.SIGTERM)
            cluster.process.wait()


def measure(cluster: Cluster, files: list, folder: Path) -> None:
    began = time.monotonic()
    cluster.run("frame", "import", "adult", *files)
    importing = time.monotonic() - began
    say("import of the frame by three workers", f"{importing:.2f} s")
    models = []

    def model() -> Path:
        models.append(folder / f"{len(models)}.safetensors")
        return models[-1]

    times = [train(cluster, model()) for _ in range(3)]
    calm = sorted(times)[1]
    say("training, undisturbed (three runs)", ", ".join(f"{seconds:.2f} s" for seconds in times))
    checkpoints(cluster, sum(times))

    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def worker(forget: bool) -> None:
        status = cluster.status()
        kill(status["workers"][1]["pid"])
        if forget:
            for shard in cluster.dir.glob("workers/2/shards/*"):
                shard.unlink(missing_ok=True)

    for what, forget in [("its shards kept", False), ("its shards lost", True)]:
        times = []
        for _ in range(3):
            times.append(train(cluster, model(), lambda: worker(forget), calm / 2) - calm)
            wait_for(cluster.is_whole)
        say(f"lost by the death of a worker, {what} (three runs)", ", ".join(f"{seconds:.2f} s" for seconds in times))

    restarts = []

    def coordinator() -> None:
        kill(cluster.status()["coordinator"]["pid"])
        began = time.monotonic()
        wait_for(cluster.status)
        answers = time.monotonic() - began
        wait_for(cluster.is_whole)
        restarts.append((answers, time.monotonic() - began))

    times = [train(cluster, model(), coordinator, calm / 2) - calm for _ in range(3)]
    say("coordinator killed until it answers (three runs)", ", ".join(f"{answers:.2f} s" for answers, _ in restarts))
    say("… until all workers are members", ", ".join(f"{whole:.2f} s" for _, whole in restarts))
    say("lost by its death", ", ".join(f"{seconds:.2f} s" for seconds in times))

    first = models[0].read_bytes()
    assert all(other.read_bytes() == first for other in models), "the models differ"
    say("models", f"{len(models)}, all equal, {len(first)} bytes")


def checkpoints(cluster: Cluster, seconds: float) -> None:
    kept = [line for line in cluster.lines() if line.get("message") == "checkpoint"]
    units = {"s": 1, "ms": 1e-3, "µs": 1e-6}
    took = [re.fullmatch(r"([\d.]+)(\D+)", fields["took"]).groups() for fields in kept]
    spent = sum(float(number) * units[unit] for number, unit in took)
    size = kept[0]["bytes"] if kept else 0
    say("checkpoints", f"{len(kept)} of {size} bytes, {spent:.3f} s: {100 * spent / seconds:.2f} % of the training time")


def wait_for(condition) -> None:
    while not condition():
        time.sleep(0.02)


def say(what: str, figure: str) -> None:
    print(f"{what}: {figure}", flush=True)


if __name__ == "__main__":
    main()
