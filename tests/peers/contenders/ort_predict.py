"""ONNX Runtime: the work of a `predict` command (Parquet in, standardise, score, Parquet out), and scoring alone.

The net is 28-200-200-1 with random weights: its values do not change its speed. Not timed, as the command's start is:
Python's imports, the making of the session, and the means and deviations, which a model would carry.
"""

import time

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import reading
from answer import answer
from onnx import TensorProto, helper, numpy_helper

BATCHES = (512, 2048, 8192, 32768)


def measure(given: dict) -> dict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = given["threads"]
    options.inter_op_num_threads = 1
    x, _ = reading.numbers(given["data"])
    mean, deviation = x.mean(0), x.std(0)
    net = model([x.shape[1], 200, 200, 1]).SerializeToString()
    session = onnxruntime.InferenceSession(net, options, providers=["CPUExecutionProvider"])
    x = (x - mean) / deviation
    # The first is run twice: the first time warms up.
    scoring = {batch: timed(lambda batch=batch: score(session, x, batch)) for batch in (BATCHES[0], *BATCHES)}
    batch = min(scoring, key=scoring.get)
    whole = timed(lambda: command(session, given, mean, deviation, batch))
    return {
        "rows_per_second": len(x) / whole,
        "scored_rows_per_second": len(x) / scoring[batch],
        "batch": batch,
        "seconds": whole,
    }


def timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def command(session, given: dict, mean: np.ndarray, deviation: np.ndarray, batch: int) -> None:
    x, _ = reading.numbers(given["data"])
    x -= mean
    x /= deviation
    p = score(session, x, batch)
    # A dictionary is the cheapest text.
    classes = pa.DictionaryArray.from_arrays(pa.array((p >= 0.5).astype(np.int8)), pa.array(["0", "1"]))
    pq.write_table(pa.table({"predict": classes, "p_0": 1 - p, "p_1": p}), given["out"])


def score(session, x: np.ndarray, batch: int) -> np.ndarray:
    parts = [session.run(None, {"x": x[at : at + batch]})[0] for at in range(0, len(x), batch)]
    return np.concatenate(parts)[:, 0]


def model(sizes: list[int]) -> onnx.ModelProto:
    random = np.random.default_rng(1)
    nodes, weights, last = [], [], "x"
    for layer, (a, b) in enumerate(zip(sizes, sizes[1:])):
        w = random.normal(0, a**-0.5, (a, b)).astype(np.float32)
        weights.append(numpy_helper.from_array(w, f"w{layer}"))
        weights.append(numpy_helper.from_array(np.zeros(b, np.float32), f"b{layer}"))
        nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [f"z{layer}"]))
        nodes.append(helper.make_node("Sigmoid" if b == sizes[-1] else "Relu", [f"z{layer}"], [f"h{layer}"]))
        last = f"h{layer}"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", sizes[0]])
    p = helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", sizes[-1]])
    graph = helper.make_graph(nodes, "net", [x], [p], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8  # old enough for any runtime that knows the operators
    return made


answer(measure)
