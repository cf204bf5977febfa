"""Commands of Aquifer as a user types them, each with a data folder of its own, answered in JSON."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import child

Settings = dict[str, object]


@dataclass(frozen=True)
class Aquifer:
    binary: Path
    scratch: Path
    allowance: child.Allowance

    def train(self, words: list, before_exec: Callable[[], None] | None = None, folder: Path | None = None) -> dict:
        """One training; `words` as `train_words` makes them. Without `folder` the data is imported anew."""
        data = self.call(words, folder, before_exec)
        peak = data.get("memory", {}).get("peak_bytes")
        scored = sum(metrics["rows"] for metrics in data["metrics"].values())
        return {
            "rows_per_second": data["samples_per_second"],
            "seconds": data["seconds"]["train"],
            "scored_rows_per_second": scored / data["seconds"]["score"],
            "test_auc": data["metrics"].get("test", {}).get("auc"),
            "peak_mib": None if peak is None else peak / 2**20,
            "blake3": data["model"]["blake3"],
            "samples": data["samples"],
        }

    def train_words(self, data: object, settings: Settings, *more: object, test: Path | None = None) -> list:
        words = ["train", data, "--target", "label"]
        words += ["--test", test] if test else []
        words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        # What `--workers` and `--threads` a task asks for goes before the usual.
        return [*words, *(more or ("--threads", self.allowance.threads))]

    def limits_of_machine(self) -> dict:
        """What the processor, memory and disk can do, as the binary measures it."""
        limits = self.call(self.limits_words())["limits"]
        return limits | {"fma_gflops": limits["fma_flops_per_second"] / 1e9}

    def limits_words(self) -> list:
        return ["bench", "--only", "limits", "--threads", self.allowance.threads]

    def timed(self, words: list) -> tuple[dict, float]:
        """The answer, and the seconds from the start of the process to its end."""
        start = time.perf_counter()
        answer = self.call(words, with_folder=False)
        return answer, time.perf_counter() - start

    def call(
        self,
        words: list,
        folder: Path | None = None,
        before_exec: Callable[[], None] | None = None,
        with_folder: bool = True,
    ) -> dict:
        with tempfile.TemporaryDirectory(prefix="folder-", dir=self.scratch) as own:
            where = ["--dir", folder or own] if with_folder and words[0] != "bench" else []
            out = child.run([self.binary, *words, *where, "--output", "json"], self.allowance, before_exec)
        return json.loads(out)["data"]
