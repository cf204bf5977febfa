"""Parquet to arrays, for peers that take arrays; none of it is timed."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TARGET = "label"


def numbers(folder: str, rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(n_rows, n_features) float32 as it is in the files, and the target."""
    table = table_of(folder, rows)
    names = [name for name in table.column_names if name != TARGET]
    x = np.empty((len(table), len(names)), np.float32)
    for j, name in enumerate(names):
        x[:, j] = table[name].to_numpy()
    return x, table[TARGET].to_numpy()


def standardised(x: np.ndarray) -> np.ndarray:
    """In place: mean 0 and deviation 1 of each column; a constant column is 0."""
    x -= x.mean(0)
    deviation = x.std(0)
    x /= np.where(deviation > 0, deviation, 1)
    return x


def codes_and_numbers(folder: str, rows: int | None = None) -> tuple[np.ndarray, int, np.ndarray, np.ndarray]:
    """Of a set with text: (n_rows, n_text) places in one table of all levels, the size of that table, the numbers
    standardised with missing ones at the mean, and the target. The first level of a column stands for missing."""
    table = table_of(folder, rows)
    codes, values, levels = [], [], 0
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_string(column.type):
            encoded = column.dictionary_encode()
            codes.append(levels + 1 + pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64))
            levels += 1 + len(encoded.dictionary)
        elif name != TARGET:
            filled = pc.fill_null(column.cast(pa.float32()), pc.mean(column).cast(pa.float32()))
            values.append(filled.to_numpy(zero_copy_only=False))
    return np.stack(codes, 1), levels, standardised(np.stack(values, 1)), table[TARGET].to_numpy()


def table_of(folder: str, rows: int | None) -> pa.Table:
    table = pq.read_table(folder)
    return table if rows is None else table.slice(0, rows)


def auc(y: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve; equal scores share their mean rank."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    positive = int(y.sum())
    return float((rank[y == 1].sum() - positive * (positive + 1) / 2) / (positive * (len(y) - positive)))
