#!/usr/bin/env python3
"""Makes the Parquet files of this folder: one small table, as other programs write it.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install pyarrow==26.0.1 duckdb==2.0.0 polars==2.1.0 fastparquet==2026.9.0
    /tmp/venv/bin/python tests/badinput/files/make.py

The table is the one of tests/badinput/seeds.rs, which compares what is read with it. The files are committed; the same
versions write the same bytes.
"""

from pathlib import Path

import duckdb
import fastparquet
import polars
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
ROWS = 160


def table() -> pa.Table:
    def gap(every, value):
        return lambda i: None if i % every == 0 else value(i)

    def column(kind, value):
        return pa.array([value(i) for i in range(ROWS)], kind)

    words = ["red", " green", "", "blue "]
    return pa.table({
        "x": column(pa.float64(), gap(11, lambda i: i * 7 % 1013 / 8 + 0.5)),
        "s": column(pa.float32(), lambda i: i * 3 % 64 / 4),
        "n": column(pa.int64(), gap(13, lambda i: i * i % 257 - 50)),
        "k": column(pa.int32(), lambda i: i * 37 % 100),
        "t": column(pa.string(), gap(17, lambda i: f"item-{i * 31 % 160:04}")),
        "c": column(pa.string(), lambda i: words[i // 3 % 4]),
        "f": column(pa.bool_(), lambda i: i % 5 < 2),
    })


def main() -> None:
    data = table()

    def write(name, **options):
        pq.write_table(data, HERE / f"pyarrow-{name}.parquet", **options)

    write("snappy-dictionary", compression="snappy", write_page_checksum=True, write_page_index=True, row_group_size=100)
    delta = {"n": "DELTA_BINARY_PACKED", "k": "DELTA_BINARY_PACKED", "t": "DELTA_BYTE_ARRAY", "c": "DELTA_LENGTH_BYTE_ARRAY"}
    split = {"x": "BYTE_STREAM_SPLIT", "s": "BYTE_STREAM_SPLIT", "n": "PLAIN", "k": "BYTE_STREAM_SPLIT"}
    encoded = {"use_dictionary": False}
    write("zstd-delta-v2", compression="zstd", data_page_version="2.0", column_encoding=delta, **encoded)
    write("gzip-split", compression="gzip", column_encoding=split, **encoded)
    write("brotli-delta", compression="brotli", column_encoding=delta, write_page_checksum=True, **encoded)
    write("lz4-dictionary-v2", compression="lz4", data_page_version="2.0", max_rows_per_page=50)
    write("none-plain-v2", compression="none", data_page_version="2.0", column_encoding={"f": "RLE"}, **encoded)
    write("none-plain-bloom", compression="none", use_dictionary=False, store_schema=False,
          bloom_filter_options={"t": {"ndv": 160, "fpp": 0.1}})

    database = duckdb.connect()
    database.sql("SET threads = 1")
    database.register("data", data)

    def copy(name, options):
        path = HERE / f"duckdb-{name}.parquet"
        database.sql(f"COPY (SELECT * FROM data) TO '{path}' (FORMAT parquet, {options})")

    copy("snappy-v1", "COMPRESSION snappy, PARQUET_VERSION v1")
    copy("zstd-v2", "COMPRESSION zstd, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1")
    copy("brotli-v2", "COMPRESSION brotli, PARQUET_VERSION v2")
    polars.from_arrow(data).write_parquet(HERE / "polars-zstd.parquet", compression="zstd", row_group_size=100)
    polars.from_arrow(data).write_parquet(HERE / "polars-lz4.parquet", compression="lz4", statistics="full")
    frame = data.to_pandas().astype({"n": "Int64"})
    fastparquet.write(str(HERE / "fastparquet-gzip.parquet"), frame, compression="GZIP", write_index=False)

    for path in sorted(HERE.glob("*.parquet")):
        print(f"{path.stat().st_size:7,} {path.name}")


if __name__ == "__main__":
    main()
