#!/usr/bin/env python3
"""Makes the Parquet files of this folder from the original data sets.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pyarrow==26.0.1
    /tmp/venv/bin/python tests/data/make.py --from SOURCES           # (re)makes the files
    /tmp/venv/bin/python tests/data/make.py --from SOURCES --check   # compares, writes nothing here

SOURCES holds the folders `adult` and `breast_cancer_wisconsin`, whose Parquet files keep the values of the UCI
originals; README.md beside this script says what they look like and what is changed here. The files are committed, so
only a change of the data needs this script. Same sources and same pyarrow: the same bytes.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
PYARROW = "26.0.1"  # the version that wrote the committed files; another one may lay out other bytes

# No multiple of 1,024, so that blocks begin inside row groups and straddle them: seven groups in train, four in test.
ADULT_ROW_GROUP = 5_000
SPLITS = 5


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--from", dest="sources", type=Path, required=True, metavar="DIR", help="the sources")
    arguments.add_argument("--check", action="store_true", help="compare with the files here instead of writing them")
    given = arguments.parse_args()
    if pa.__version__ != PYARROW:
        print(f"note: pyarrow {pa.__version__}; the committed files were written by {PYARROW}", file=sys.stderr)

    files = {**adult(given.sources / "adult"), **wisconsin(given.sources / "breast_cancer_wisconsin")}
    if given.check:
        return check(files)
    for name, table in files.items():
        print(describe(write(HERE / name, table), name))
    return 0


# ------------------------------------------------------------------------------------------------------ the tables


def adult(source: Path) -> dict[str, pa.Table]:
    """The official training file in one piece, and the official test file with labels spelt as in the training file."""
    train = pa.concat_tables(pq.read_table(path) for path in sorted(source.glob("train-*.parquet")))
    test = pa.concat_tables(pq.read_table(path) for path in sorted(source.glob("test-*.parquet")))
    assert (train.num_rows, test.num_rows) == (32_561, 16_281), (train.num_rows, test.num_rows)

    labels = pc.replace_substring_regex(test["income"], r"\.$", "")
    test = test.set_column(test.schema.get_field_index("income"), "income", labels)
    assert set(labels.unique().to_pylist()) == set(train["income"].unique().to_pylist()) == {" <=50K", " >50K"}
    return {"adult/train.parquet": train, "adult/test.parquet": test}


def wisconsin(source: Path) -> dict[str, pa.Table]:
    """All rows, and five 80/20 splits whose test parts are disjoint and together hold every row once."""
    table = pq.read_table(source / "data.parquet")
    assert table.num_rows == 699, table.num_rows

    files = {"wisconsin/wisconsin.parquet": table}
    order = sorted(range(table.num_rows), key=shuffle_key)
    for split in range(1, SPLITS + 1):
        # Rows stay in the order of the source: which rows are held out is random, how they lie in the file is not.
        held_out = sorted(order[split - 1 :: SPLITS])
        kept = sorted(set(order) - set(held_out))
        files[f"wisconsin/split-{split}-train.parquet"] = table.take(kept)
        files[f"wisconsin/split-{split}-test.parquet"] = table.take(held_out)
    return files


def shuffle_key(row: int) -> bytes:
    """A random order that needs no generator: the same in every version of every library."""
    return hashlib.sha256(f"wisconsin {row}".encode()).digest()


# ------------------------------------------------------------------------------------------------------ the files


def write(path: Path, table: pa.Table) -> Path:
    """Writes one file with every setting that reaches its bytes spelt out, and reads it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(
        table,
        path,
        row_group_size=ADULT_ROW_GROUP,
        version="2.6",
        data_page_version="1.0",
        compression="snappy",
        use_dictionary=True,
        write_statistics=True,
        write_page_checksum=True,
        store_schema=False,
    )
    again = pq.read_table(path, page_checksum_verification=True)
    assert again.equals(table), f"{path} does not read back as it was written"
    return path


def describe(path: Path, name: str) -> str:
    """One row of the table in README.md."""
    meta = pq.read_metadata(path)
    cells = (f"`{name}`", meta.num_rows, meta.num_columns, meta.num_row_groups, path.stat().st_size)
    return "| " + " | ".join(cell if isinstance(cell, str) else f"{cell:,}" for cell in cells) + " |"


def check(files: dict[str, pa.Table]) -> int:
    """Values must be equal; other bytes with equal values are reported, as another pyarrow writes them so."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, table in files.items():
            here, made = HERE / name, write(Path(folder) / name, table)
            if not here.is_file():
                verdict = "missing"
            elif here.read_bytes() == made.read_bytes():
                verdict = "same bytes"
            elif pq.read_table(here).equals(pq.read_table(made)):
                verdict = "same values, other bytes"
            else:
                verdict = "OTHER VALUES"
            wrong += verdict in ("missing", "OTHER VALUES")
            print(f"{name}: {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
