"""What figures depend on besides the code: the machine and the versions."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from bench.environment import PACKAGES


def today() -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{now.day} {now:%B %Y}"


def facts() -> str:
    cores = len(os.sched_getaffinity(0))
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return f"{cores} cores of {field('/proc/cpuinfo', 'model name')}, {memory:.1f} GiB, Linux {platform.release()}"


def field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "0 unknown"


def versions(binary: Path) -> dict[str, str]:
    own = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()
    found = {"aquifer": own[-1], "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found | {"Java": java()}


def java() -> str:
    try:
        done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "absent"
    words = done.stderr.splitlines()[0].split('"')
    return words[1] if len(words) > 1 else "unknown"
