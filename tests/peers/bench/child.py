"""Runs one program to its end: so many threads, a limit of time, no settings of the user's shell.

Whatever goes wrong is a `NotRun` with a reason of one line; nothing is left running behind.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

GRACE_SECONDS = 10  # between the request to end and the kill: H2O's client stops its server in this time
REASON_LENGTH_MAX = 160


class NotRun(Exception):
    """Why there is no figure."""


@dataclass(frozen=True)
class Allowance:
    threads: int
    seconds_max: float


def run(command: Sequence, allowance: Allowance, before_exec: Callable[[], None] | None = None) -> str:
    """What the program wrote to standard output."""
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(allowance.threads),
            start_new_session=True,
            preexec_fn=before_exec,
        )
    except (OSError, subprocess.SubprocessError) as failure:
        raise NotRun(f"it cannot be started: {failure}") from failure
    try:
        out, err = process.communicate(timeout=allowance.seconds_max)
    except subprocess.TimeoutExpired:
        end(process)
        raise NotRun(f"did not end within {allowance.seconds_max:.0f} s") from None
    except BaseException:
        end(process)
        raise
    if process.returncode != 0:
        raise NotRun(reason(out, err, process.returncode))
    return out


def environment(threads: int) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AQUIFER_")}
    pools = ("OMP", "MKL", "OPENBLAS", "NUMEXPR")
    # Peers compute on the processor, as Aquifer does here.
    return kept | {f"{pool}_NUM_THREADS": str(threads) for pool in pools} | {"CUDA_VISIBLE_DEVICES": ""}


def end(process: subprocess.Popen) -> None:
    for request in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, request)
            process.communicate(timeout=GRACE_SECONDS)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def reason(out: str, err: str, code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    lines = [line.strip() for line in (err + "\n" + out).splitlines() if line.strip()]
    for line in lines:
        if line.startswith('{"error"'):
            return shortened(json.loads(line)["error"]["message"])
    said = [line for line in lines if line.startswith("error")] or [line for line in err.splitlines() if line.strip()]
    # A program says its error first, Python its exception last.
    text = said[0] if said and said[0].startswith("error") else said[-1] if said else f"ended with {code}"
    return shortened(text)


def shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= REASON_LENGTH_MAX else text[: REASON_LENGTH_MAX - 1] + "…"
