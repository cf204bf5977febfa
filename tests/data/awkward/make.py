#!/usr/bin/env python3
"""Makes the Parquet files of this folder: what users have that programs stumble over. README.md says it file by file.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pyarrow==26.0.1
    /tmp/venv/bin/python tests/data/awkward/make.py

The files are committed; the same pyarrow writes the same bytes.
"""

import datetime as dt
import decimal
import shutil
import sys
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
PYARROW = "26.0.1"
ROWS = 48


def main() -> None:
    if pa.__version__ != PYARROW:
        print(f"note: pyarrow {pa.__version__}; the committed files were written by {PYARROW}", file=sys.stderr)
    for old in HERE.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.suffix == ".parquet":
            old.unlink()
    integers()
    floats()
    decimals()
    times()
    texts()
    nested()
    nothing()
    names()
    folders()
    text_numbers()
    text_dates()
    files = sorted(path for path in HERE.rglob("*") if path.suffix == ".parquet")
    for path in files:
        print(f"{path.stat().st_size:7,} {path.relative_to(HERE)}")
    print(f"{sum(path.stat().st_size for path in files):7,} in {len(files)} files")


def write(name: str, table: pa.Table, **options) -> None:
    path = HERE / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, write_page_checksum=True, **options)


def target() -> pa.Array:
    return pa.array([i * 7 % 11 / 4 for i in range(ROWS)], pa.float64())


def around(values: list, kind: pa.DataType) -> pa.Array:
    """The values in turn, null in every seventh row."""
    return pa.array([None if i % 7 == 6 else values[i % len(values)] for i in range(ROWS)], kind)


def integers() -> None:
    columns = {}
    for bits in (8, 16, 32, 64):
        least, most = -(1 << bits - 1), (1 << bits - 1) - 1
        columns[f"int{bits}"] = around([least, -1, 0, 1, most], getattr(pa, f"int{bits}")())
        columns[f"uint{bits}"] = around([0, 1, most, 2 * most + 1], getattr(pa, f"uint{bits}")())
    double = 1 << 53
    columns["beyond_double"] = around([double - 1, double, double + 1, -double - 1], pa.int64())
    write("integers", pa.table({**columns, "y": target()}))


def floats() -> None:
    inf, nan = float("inf"), float("nan")
    write("floats", pa.table({
        "float16": around([0.5, -0.0, 65504.0, 6e-8, nan, inf], pa.float16()),
        "float32": around([0.1, -0.0, 3.4028235e38, 1e-45, nan, -inf], pa.float32()),
        "float64": around([0.1, -0.0, 1.7976931348623157e308, 5e-324, nan, inf], pa.float64()),
        "finite": around([0.1, 0.2, 1e300, -1e-300], pa.float64()),
        "y": target(),
    }))


def decimals() -> None:
    decimal.getcontext().prec = 80
    number = decimal.Decimal
    small = [number("-1234567.89"), number("0.00"), number("0.01"), number("1234567.89")]
    middle = [number("-123456789012.345678"), number("0.000001"), number("123456789012.345678")]
    whole = [number(10) ** 17, number(-1), number(10) ** 18 - 1]
    write("decimals-integer", pa.table({
        "int32_9_2": around(small, pa.decimal128(9, 2)),
        "int64_18_6": around(middle, pa.decimal128(18, 6)),
        "int64_18_0": around(whole, pa.decimal128(18, 0)),
        "y": target(),
    }), store_decimal_as_integer=True)
    large = [number("1234567890123456789012345678.0123456789"), number("-0.0000000001"), number("0.5")]
    huge = [number("9" * 56 + ".5"), number("-0.5"), number("0.00000000000000000001")]
    write("decimals-fixed", pa.table({
        "fixed_9_2": around(small, pa.decimal128(9, 2)),
        "fixed_38_10": around(large, pa.decimal128(38, 10)),
        "fixed_38_0": around([number(10) ** 37, number(-7)], pa.decimal128(38, 0)),
        "fixed_76_20": around(huge, pa.decimal256(76, 20)),
        "y": target(),
    }))


def times() -> None:
    days = [dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)]
    # Microseconds: half a second before 1970, the day of a leap second, an hour that London has twice, 1900 and 2200.
    instants = [-500_000, 0, 1_483_228_799_000_000, 1_698_540_300_000_000, 1_698_543_900_000_000, -2_208_988_799_999_999,
                7_258_118_400_000_001]
    seconds = [value // 1_000_000 for value in instants]
    write("times", pa.table({
        "date32": around(days, pa.date32()),
        "date64": around([int(day.toordinal() - 719_163) * 86_400_000 for day in days], pa.date64()),
        "time_s": around([0, 1, 86_399], pa.time32("s")),
        "time_ms": around([0, 1, 86_399_999], pa.time32("ms")),
        "time_us": around([0, 1, 86_399_999_999], pa.time64("us")),
        "time_ns": around([0, 1, 86_399_999_999_999], pa.time64("ns")),
        "second": around(seconds, pa.timestamp("s")),
        "milli": around([value // 1000 for value in instants], pa.timestamp("ms")),
        "micro": around(instants, pa.timestamp("us")),
        "nano": around([value * 1000 + 1 for value in instants], pa.timestamp("ns")),
        "utc": around(instants, pa.timestamp("us", "UTC")),
        "london": around(instants, pa.timestamp("us", "Europe/London")),
        "kathmandu": around(seconds, pa.timestamp("s", "Asia/Kathmandu")),
        "offset": around(instants, pa.timestamp("ns", "+05:30")),
        "lasted_s": around([-1, 0, 86_400], pa.duration("s")),
        "lasted_ms": around([-1, 0, 86_400_000], pa.duration("ms")),
        "lasted_us": around([-1, 0, 86_400_000_000], pa.duration("us")),
        "lasted_ns": around([-1, 0, 86_400_000_000_000], pa.duration("ns")),
        "y": target(),
    }))
    # Julian days and nanoseconds of the day.
    write("int96", pa.table({
        "before_1970": around([-1, -500_000_000, -86_400_000_000_000 * 365 - 1], pa.timestamp("ns")),
        "after_1970": around([0, 1, 1_698_540_300_000_000_001], pa.timestamp("ns")),
        "y": target(),
    }), use_deprecated_int96_timestamps=True)


def texts() -> None:
    words = ["ash", "Birch", " cedar ", "", "été", "木", "🌲", "a\nb", "x" * 200]
    ids = [uuid.UUID(int=i * 0x1234_5678_9ABC_DEF0_1234_5678_9ABC).bytes for i in range(5)]
    write("texts", pa.table({
        "plain": around(words, pa.string()),
        "large": around(words, pa.large_string()),
        "view": around(words, pa.string_view()),
        "dictionary": around(words, pa.string()).dictionary_encode(),
        "dictionary_of_numbers": around([10, 20, 30], pa.int64()).dictionary_encode(),
        "binary": around([word.encode() for word in words], pa.binary()),
        "large_binary": around([word.encode() for word in words], pa.large_binary()),
        "fixed": around([b"abcd", b"efgh"], pa.binary(4)),
        "uuid": pa.ExtensionArray.from_storage(pa.uuid(), around(ids, pa.binary(16))),
        "y": target(),
    }))
    write("binary-not-utf8", pa.table({"raw": around([b"\xff\xfe", b"ok", b"\xc3("], pa.binary()), "y": target()}))


def nested() -> None:
    triples = [[float(i), i / 2, None if i % 5 == 4 else -float(i)] for i in range(ROWS)]
    triples[3] = None
    write("nested", pa.table({
        "flat": around([1, 2, 3], pa.int32()),
        "image": pa.array(triples, pa.list_(pa.float32(), 3)),
        "list": pa.array([[j for j in range(i % 4)] if i % 9 else None for i in range(ROWS)], pa.list_(pa.int64())),
        "struct": pa.array([{"a": i, "b": str(i)} for i in range(ROWS)],
                           pa.struct([("a", pa.int64()), ("b", pa.string())])),
        "map": pa.array([[("k", i)] for i in range(ROWS)], pa.map_(pa.string(), pa.int64())),
        "list_of_text": pa.array([["a", "b"]] * ROWS, pa.list_(pa.string(), 2)),
        "last": around(["u", "v"], pa.string()),
        "y": target(),
    }))


def nothing() -> None:
    write("nothing", pa.table({
        "null": pa.nulls(ROWS),
        "all_null": pa.nulls(ROWS, pa.int64()),
        "all_nan": pa.array([float("nan")] * ROWS, pa.float64()),
        "constant": pa.array([7] * ROWS, pa.int64()),
        "one_value": pa.array([None] * (ROWS - 1) + ["only"], pa.string()),
        "x": around([1, 2, 3], pa.int64()),
        "y": target(),
    }))


def names() -> None:
    awkward = ["", " ", "\t", "a\nb", "\x00", "\x1b[31mred", "naïve", "e\u0301", "列", "🦆", "\u202egnp", "a.b", "a,b", '"q"',
               "a=b", "__index_level_0__", "Infinity", "x" * 300, "X" * 300]
    columns = {name: around([i, i + 1, i + 2], pa.int64()) for i, name in enumerate(awkward)}
    write("names", pa.table({**columns, "y": target()}))
    twice = pa.table([around([1, 2], pa.int64()), around([3, 4], pa.int64()), target()], names=["x", "x", "y"])
    write("names-duplicate", twice)
    # No writer would write it: two letters become bytes that are no text.
    write("names-not-utf8", pa.table({"qzq": around([1, 2], pa.int64()), "y": target()}), store_schema=False)
    path = HERE / "names-not-utf8.parquet"
    path.write_bytes(path.read_bytes().replace(b"qzq", b"\xff\xfe\x80"))


def part(first: int, **columns) -> pa.Table:
    rows = range(first, first + 12)
    made = {name: pa.array([None if value is None else value(i) for i in rows], kind)
            for name, (kind, value) in columns.items()}
    return pa.table(made)


def folders() -> None:
    ints, reals, text = pa.int64(), pa.float64(), pa.string()
    x, y, colour = (ints, lambda i: i), (reals, lambda i: i / 4), (text, lambda i: ["red", "green"][i % 2])

    cells = [("2020", "New%20York"), ("2020", "S%C3%A3o%20Paulo"), ("2021", "__HIVE_DEFAULT_PARTITION__"), ("2021", "a%2Fb%3Dc")]
    for at, (year, city) in enumerate(cells):
        write(f"hive/year={year}/city={city}/part-0", part(12 * at, x=x, y=y))

    empty = part(0, x=x, y=y, colour=colour).slice(0, 0)
    write("parts/0-empty", empty)
    write("parts/1", part(0, x=(pa.int32(), lambda i: i), y=(pa.float32(), lambda i: i / 4), colour=colour))
    write("parts/2-other-order", part(12, colour=colour, y=y, x=x))
    write("parts/3-wider", part(24, x=(ints, lambda i: i << 40), y=y, colour=colour))
    write("parts/4-null", pa.table({"x": pa.nulls(3), "y": pa.array([0.5, 1.5, 2.5]), "colour": pa.nulls(3, text)}))
    (HERE / "parts/_temporary.parquet").write_text("not finished\n")
    (HERE / "parts/.hidden.parquet").write_text("hidden\n")

    write("absent/1", part(0, x=x, y=y, colour=colour))
    write("absent/2", part(12, x=x, y=y))
    write("clash/1", part(0, x=x, y=y))
    write("clash/2", part(12, x=(text, lambda i: f"about {i}"), y=y))


def text_numbers() -> None:
    tokens = ["NA", "", "null", "n/a", "-", "NaN"]
    numbers = ["1", "-12", "1.5", ".5", "6.02e23", "+7", " 8 ", *tokens]
    write("text-numbers", pa.table({
        "numbers": around(numbers, pa.string()),
        "whole": around([str(i) for i in range(9)], pa.string()),
        "codes": around(["007", "013", "112"], pa.string()),
        "thousands": around(["1,000", "2,500,000", "3"], pa.string()),
        "percent": around(["1%", "2.5%"], pa.string()),
        "mixed": around(["1", "2", "three"], pa.string()),
        "beyond_double": around([str((1 << 53) + 1), str(1 << 53)], pa.string()),
        "hex": around(["0x1F", "0x2A"], pa.string()),
        "identifier": pa.array([f"row-{i:05}" for i in range(ROWS)], pa.string()),
        "y": target(),
    }))


def text_dates() -> None:
    days = [dt.date(2018, 1, 31) + dt.timedelta(days=17 * i) for i in range(20)]
    sure = [day for day in days if day.day > 12][:7]
    unsure = [dt.date(2018, month, 13 - month) for month in range(1, 13)]

    def said(days, form):
        return around([day.strftime(form) for day in days], pa.string())

    write("text-dates", pa.table({
        "iso": said(days, "%Y-%m-%d"),
        "iso_time": around([f"{day}T{i % 24:02}:30:00" for i, day in enumerate(days)], pa.string()),
        "iso_zone": around([f"{day}T{i % 24:02}:30:00.5+02:00" for i, day in enumerate(days)], pa.string()),
        "day_first": said(sure, "%d/%m/%Y"),
        "month_first": said(sure, "%m/%d/%Y"),
        "ambiguous": said(unsure, "%d/%m/%Y"),
        "contradictory": around(["31/01/2018", "01/31/2018"], pa.string()),
        "month_name": said(days, "%d-%b-%Y"),
        "clock": around(["23:59", "00:00:00", "12:30:15.5"], pa.string()),
        "with_missing": around(["2018-01-31", "NA", "", "2018-02-01"], pa.string()),
        "no_such_day": around(["2018-02-30", "2018-01-01"], pa.string()),
        "y": target(),
    }))


if __name__ == "__main__":
    main()
