#!/usr/bin/env python3
"""Makes the two synthetic data sets of the benchmarks as Parquet: any number of rows, the same values every time.

    python3 tests/peers/make.py higgs_like --rows 375000 --out DIR
    python3 tests/peers/make.py airlines_like --rows 1000000 --out DIR

writes DIR/train/part-NNNN.parquet and DIR/test/part-NNNN.parquet. Rows come in blocks of 62,500, and a block's values
depend only on the set's name, the split and the block's number. So a smaller set is the beginning of a larger one, and
the test part never changes. A block is a row group, two blocks are a file, and memory holds one block at a time.

Needs numpy and pyarrow. The order in which a function draws from its generator decides the values: to move a draw is
to make another data set, and every figure measured on the old one is void.
"""

import argparse
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BLOCK_ROWS = 62_500
BLOCKS_PER_FILE = 2
SEED = 20240611
SPLITS = {"train": 0, "test": 1, "const": 2}  # "const" draws what all blocks of a set share


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("name", choices=SETS)
    arguments.add_argument("--rows", type=int, default=1_000_000, help="training rows (default: %(default)s)")
    arguments.add_argument("--test-rows", type=int, default=100_000, help="test rows (default: %(default)s)")
    arguments.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of train/ and test/")
    given = arguments.parse_args()
    for split, rows in (("train", given.rows), ("test", given.test_rows)):
        # A part left over from a longer run would be read as data.
        if any((given.out / split).glob("*.parquet")):
            arguments.error(f"{given.out / split} holds Parquet files already; choose another folder")
        write(given.name, split, rows, given.out / split)
    return 0


def generator(name: str, split: str, block: int) -> np.random.Generator:
    return np.random.default_rng([SEED, zlib.crc32(name.encode()), SPLITS[split], block])


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z))


# ------------------------------------------------------------------------------------------------------ higgs_like


def higgs_like(split: str, block: int) -> pa.Table:
    """One block shaped like HIGGS: 21 measured quantities, 7 derived from them, no missing values, `label` 0 or 1.

    `label` is drawn from a smooth function with products, waves and kinks, so a linear model is poor, a network good,
    and no model perfect.
    """
    n = BLOCK_ROWS
    random = generator("higgs_like", split, block)
    g = random.standard_normal((n, 28))  # (n_rows, n_features)
    x = np.empty((n, 28))
    for j in range(21):
        match j % 5:
            case 0:  # a momentum: positive, long tail
                x[:, j] = np.exp(0.5 * g[:, j]) * 0.88
            case 2:  # an angle
                x[:, j] = random.uniform(-1.74, 1.74, n)
            case 4:  # a tag of three values
                x[:, j] = np.array([0.0, 1.0865, 2.1731])[random.choice(3, n, p=[0.5, 0.3, 0.2])]
            case _:  # a pseudorapidity
                x[:, j] = g[:, j]

    momentum = x[:, 0], x[:, 5], x[:, 10]
    rapidity = x[:, 1], x[:, 3], x[:, 6], x[:, 8]
    angle = x[:, 2], x[:, 7], x[:, 12]
    x[:, 21] = mass(momentum[:2], (rapidity[0], rapidity[2]), angle[:2]) + 0.3 * np.abs(g[:, 21])
    x[:, 22] = mass(momentum[1:], (rapidity[2], rapidity[3]), angle[1:]) + 0.3 * np.abs(g[:, 22])
    x[:, 23] = momentum[0] + momentum[1] + momentum[2] + 0.2 * g[:, 23]
    x[:, 24] = rapidity[0] * rapidity[1] + 0.8 * g[:, 24]
    x[:, 25] = np.abs(rapidity[2]) * momentum[0] + 0.3 * g[:, 25]
    x[:, 26] = np.log1p(x[:, 21]) * np.log1p(x[:, 22]) + 0.2 * g[:, 26]
    x[:, 27] = x[:, 15] * x[:, 20] + 0.3 * g[:, 27]

    signal = (
        1.0 * np.sin(1.6 * rapidity[0]) * rapidity[1]
        + 0.9 * np.cos(1.8 * angle[0]) * np.sign(rapidity[2]) * np.minimum(np.abs(rapidity[2]), 1.5)
        - 0.8 * np.abs(np.log(momentum[0] * momentum[1]))
        + 0.9 * np.tanh(x[:, 21] - 2.0 * momentum[2])
        + 0.5 * (x[:, 4] - 0.76) * (x[:, 9] - 0.76)
        + 0.7 * np.tanh(rapidity[3] + 0.5 * x[:, 11])
        - 0.55 * np.log(x[:, 15])
        + 0.35 * x[:, 13] * x[:, 16]
        + 0.25 * x[:, 18]
    )
    label = random.random(n) < sigmoid(1.45 * (signal + 0.45))
    columns = {f"f{j:02d}": pa.array(x[:, j].astype(np.float32)) for j in range(28)}
    return pa.table({**columns, "label": pa.array(label.astype(np.int8))})


def mass(momentum: tuple, rapidity: tuple, angle: tuple) -> np.ndarray:
    """Invariant mass of two massless particles: m² = 2 p₀ p₁ (cosh Δη − cos Δφ), with Δη held in ±3."""
    spread = np.cosh(np.clip(rapidity[0] - rapidity[1], -3, 3)) - np.cos(angle[0] - angle[1])
    return np.sqrt(np.maximum(2 * momentum[0] * momentum[1] * spread, 0))


# --------------------------------------------------------------------------------------------------- airlines_like


def airlines_like(split: str, block: int) -> pa.Table:
    """One block shaped like Airlines: four text columns (up to 300 levels), four numeric ones, missing values in four
    of the eight, `label` 0 or 1 with effects of single levels, of pairs of levels, and of waves."""
    n = BLOCK_ROWS
    world = airlines_world()
    random = generator("airlines_like", split, block)
    month = random.integers(0, 12, n)
    carrier = random.choice(22, n, p=world["carrier_share"])
    origin = random.choice(300, n, p=world["airport_share"])
    dest_share = world["airport_share"][:299]
    dest = (origin + 1 + random.choice(299, n, p=dest_share / dest_share.sum())) % 300
    day_of_month = random.integers(1, 32, n)
    day_of_week = random.integers(1, 8, n)
    hour = np.clip(random.normal(13.5, 4.6, n), 0, 23.99)
    distance = np.hypot(*(world["position"][origin] - world["position"][dest]).T) + 60

    signal = (
        -0.55
        + world["carrier"][carrier]
        + world["origin"][origin]
        + world["dest"][dest]
        + world["month"][month]
        + world["hub"][origin, carrier]
        + world["season"][origin, month]
        + 1.1 * np.tanh((hour - 13.5) / 4.0) * (1 + 0.5 * np.sin(2 * np.pi * day_of_week / 7))
        + 0.35 * np.isin(day_of_week, (4, 5))
        + 0.25 * np.sin(distance / 300.0)
        + 0.3 * (np.abs(day_of_month - 24) < 3) * (month == 11)
    )
    label = random.random(n) < sigmoid(signal)
    missing_share = {"carrier": 0.01, "origin": 0.005, "dep_time": 0.02, "distance": 0.03}
    missing = {column: random.random(n) < share for column, share in missing_share.items()}
    dep_time = np.floor(hour) * 100 + np.floor((hour % 1) * 60)  # hhmm

    def text(column: str, level: np.ndarray) -> pa.Array:
        codes = pa.array(level.astype(np.int32), mask=missing.get(column))
        return pa.DictionaryArray.from_arrays(codes, pa.array(world["levels"][column])).cast(pa.string())

    return pa.table(
        {
            "month": text("month", month),
            "carrier": text("carrier", carrier),
            "origin": text("origin", origin),
            "dest": text("dest", dest),
            "day_of_month": pa.array(day_of_month.astype(np.int32)),
            "day_of_week": pa.array(day_of_week.astype(np.int32)),
            "dep_time": pa.array(dep_time.astype(np.int32), mask=missing["dep_time"]),
            "distance": pa.array(distance.astype(np.float32), mask=missing["distance"]),
            "label": pa.array(label.astype(np.int8)),
        }
    )


@cache
def airlines_world() -> dict:
    """What all blocks share: how busy carriers and airports are, where airports lie, and what each does to a delay."""

    def shares(weights: np.ndarray) -> np.ndarray:
        return weights / weights.sum()

    random = generator("airlines_like", "const", 0)
    return {
        "airport_share": shares(1.0 / (np.arange(300) + 6.0)),
        "carrier_share": shares(1.0 / (np.arange(22) + 2.0)),
        "carrier": random.normal(0, 0.35, 22),
        "origin": random.normal(0, 0.35, 300),
        "dest": random.normal(0, 0.25, 300),
        "month": random.normal(0, 0.3, 12),
        "hub": random.normal(0, 0.45, (300, 22)),
        "season": random.normal(0, 0.4, (300, 12)),
        "position": random.uniform(0, 1, (300, 2)) * np.array([2600, 1300]),
        "levels": airlines_levels(),
    }


def airlines_levels() -> dict[str, list[str]]:
    def two_letters(i: int) -> str:
        return chr(65 + i // 26 % 26) + chr(65 + i % 26)

    airports = [chr(65 + i % 26) + two_letters(7 * i + 3) for i in range(300)]
    # A code that came out twice gets its number behind it.
    airports = [code + str(i) if airports.count(code) > 1 else code for i, code in enumerate(airports)]
    return {
        "month": [f"c-{i + 1}" for i in range(12)],
        "carrier": [two_letters(11 * i + 5) for i in range(22)],
        "origin": airports,
        "dest": airports,
    }


# ------------------------------------------------------------------------------------------------------- the files

SETS: dict[str, Callable[[str, int], pa.Table]] = {"higgs_like": higgs_like, "airlines_like": airlines_like}


def write(name: str, split: str, rows: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    blocks = -(-rows // BLOCK_ROWS)
    for first in range(0, blocks, BLOCKS_PER_FILE):
        writer = None
        for block in range(first, min(first + BLOCKS_PER_FILE, blocks)):
            # A block is always made whole, or its values would depend on how many rows are wanted.
            table = SETS[name](split, block).slice(0, rows - block * BLOCK_ROWS)
            if writer is None:
                writer = open_writer(folder / f"part-{first // BLOCKS_PER_FILE:04d}.parquet", table.schema)
            writer.write_table(table, row_group_size=BLOCK_ROWS)
        writer.close()


def open_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # A dictionary of a float column is soon full and then given up: only text gains by one.
    text = [field.name for field in schema if pa.types.is_string(field.type)]
    return pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=text)


if __name__ == "__main__":
    sys.exit(main())
