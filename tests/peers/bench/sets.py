"""The data of the tasks, made once and kept: those of `make.py`, and one shaped like MNIST."""

import json
import shutil
import sys
from pathlib import Path

import make
import numpy as np
import pyarrow as pa

TEST_ROWS = 100_000
IMAGE_PIXELS = 784
IMAGE_CLASSES = 10
IMAGE_TEST_ROWS = 2_000
IMAGE_ROWS_LEAST = 4_096  # two ranks need two blocks of 1,024 rows
OUT_OF_CORE_ROWS = 6_000_000  # ≈ 680 MB, of which a tenth is above 64 MiB


class Sets:
    """Folders with `train` and `test`."""

    def __init__(self, folder: Path, rows: int):
        self.folder, self.rows = folder, rows

    def higgs(self) -> Path:
        return self.made("higgs_like", self.rows, write_tabular)

    def of_rows(self, rows: int) -> Path:
        return self.made("higgs_like", rows, write_tabular)

    def airlines(self) -> Path:
        return self.made("airlines_like", self.rows, write_tabular)

    def images(self) -> Path:
        rows = max(IMAGE_ROWS_LEAST, self.rows * 6 // 100)
        return self.made("mnist_like", rows, write_images)

    def larger_than_memory(self) -> Path:
        return self.made("higgs_like", max(self.rows, OUT_OF_CORE_ROWS), write_tabular)

    def made(self, name: str, rows: int, write) -> Path:
        folder = self.folder / f"{name}-{rows}"
        # Written last: a folder without it is what an interrupted run left.
        complete = folder / "complete.json"
        if not complete.exists():
            print(f"making {name}, {rows:,} rows", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            write(name, rows, folder)
            complete.write_text(json.dumps({"numpy": np.__version__, "pyarrow": pa.__version__, "rows": rows}))
        return folder


def write_tabular(name: str, rows: int, folder: Path) -> None:
    make.write(name, "train", rows, folder / "train")
    make.write(name, "test", TEST_ROWS, folder / "test")


def write_images(_name: str, rows: int, folder: Path) -> None:
    """Ten random pictures, each row one of them under noise with its strokes at random strength."""
    pictures = np.random.default_rng([make.SEED, 0]).random((IMAGE_CLASSES, IMAGE_PIXELS), np.float32)
    for number, (split, wanted) in enumerate((("train", rows), ("test", IMAGE_TEST_ROWS)), start=1):
        (folder / split).mkdir(parents=True)
        random = np.random.default_rng([make.SEED, number])
        writer = None
        for first in range(0, wanted, 10_000):  # one block in memory
            n = min(10_000, wanted - first)
            label = random.integers(0, IMAGE_CLASSES, n)
            strength = random.random((n, 1), np.float32)
            pixels = strength * pictures[label] + random.standard_normal((n, IMAGE_PIXELS), np.float32)
            columns = {f"p{j:03d}": pa.array(np.ascontiguousarray(pixels[:, j])) for j in range(IMAGE_PIXELS)}
            table = pa.table({**columns, "label": pa.array(label.astype(np.int8))})
            writer = writer or make.open_writer(folder / split / "part-0000.parquet", table.schema)
            writer.write_table(table)
        writer.close()
