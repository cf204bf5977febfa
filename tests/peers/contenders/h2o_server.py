"""A server of H2O's for one measurement."""

import contextlib
import signal
import socket
import sys
from collections.abc import Iterator

import h2o


@contextlib.contextmanager
def server(given: dict) -> Iterator[h2o.H2OFrame]:
    """Starts it, and imports the rows to train on, of two classes."""
    # H2O's client stops its server when Python exits, which a signal alone would not let it do.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    h2o.init(
        port=free_port(),
        nthreads=given["threads"],
        max_mem_size=given["memory"],
        bind_to_localhost=True,
        start_h2o=True,
        log_level="ERRR",
    )
    h2o.no_progress()
    try:
        frame = h2o.import_file(given["train"])
        frame["label"] = frame["label"].asfactor()
        yield frame
    finally:
        started = h2o.connection().local_server
        h2o.connection().close()
        started.shutdown()  # waits for its end: what is measured next has the machine to itself


def free_port() -> int:
    """H2O takes this port and the next."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
