"""A memory cgroup for the length of one child, of either version; and an empty page cache. Both need root."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.child import NotRun

ROOT = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def memory_limit(limit_bytes: int) -> Iterator[Callable[[], None]]:
    """Gives what the child calls before it becomes the program, to enter the group."""
    try:
        group = make(limit_bytes)
    except OSError as failure:
        raise NotRun(f"no memory cgroup ({failure.strerror}); it needs root") from failure
    try:
        yield lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
    finally:
        group.rmdir()


def make(limit_bytes: int) -> Path:
    name = f"aquifer-peers-{os.getpid()}"
    version_1 = (ROOT / "memory/memory.limit_in_bytes").exists()
    group = ROOT / "memory" / name if version_1 else ROOT / name
    if not version_1:
        (ROOT / "cgroup.subtree_control").write_text("+memory")
    group.mkdir()
    (group / ("memory.limit_in_bytes" if version_1 else "memory.max")).write_text(str(limit_bytes))
    return group


def drop_page_cache() -> None:
    os.sync()  # a dirty page is not dropped
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError as failure:
        raise NotRun(f"the page cache cannot be dropped ({failure.strerror}); it needs root") from failure
