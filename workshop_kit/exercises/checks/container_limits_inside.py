"""Try the limits of its container; runs inside, on its own, and prints what it saw as JSON.

``python container_limits_inside.py MEMORY_MIB PROCESSES``: the most memory to take, the most processes to start.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

MIB = 1024 * 1024
STEP_MIB = 4
BUSY_SECONDS = 0.2
CGROUP = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60  # version 1 writes a huge number where version 2 writes "max"


def kernel_says() -> dict[str, float | None]:
    """Return the kernel's limits of bytes, cores and processes; None where there is none."""
    quota, period = (_read("cpu.max") or f"{_read('cpu/cpu.cfs_quota_us')} {_read('cpu/cpu.cfs_period_us')}").split()
    return {
        "memory_bytes": _limit(_read("memory.max") or _read("memory/memory.limit_in_bytes")),
        "cores": float(quota) / float(period) if quota not in {"max", "-1"} else None,
        "processes": _limit(_read("pids.max") or _read("pids/pids.max")),
    }


def set_oom_score(score: int) -> None:
    """Set the OOM score of this process: the kernel kills higher scores first; the service has 0."""
    Path("/proc/self/oom_score_adj").write_text(str(score))


def eat(most_mib: int) -> tuple[int, bool]:
    """Return how many MiB a child could take, and whether it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        set_oom_score(1000)
        taken = []
        for _ in range(0, most_mib, STEP_MIB):
            taken.append(b"x" * (STEP_MIB * MIB))
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    steps = 0
    while part := os.read(reading, 4096):
        steps += len(part)
    _, status = os.waitpid(child, 0)
    return steps * STEP_MIB, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def multiply(most: int) -> tuple[int, bool]:
    """Return how many processes could be started beside those that run, and whether one was refused.

    Each process waits for the OOM score of the one before: without it the kernel would kill this process first.
    """
    children: list[int] = []
    refused = False
    while len(children) < most and not refused:
        reading, writing = os.pipe()
        try:
            child = os.fork()
        except OSError:
            refused = True
            break
        if child == 0:
            set_oom_score(900)
            os.write(writing, b".")
            signal.pause()
        os.close(writing)
        os.read(reading, 1)  # nothing, if it was killed at once
        os.close(reading)
        children.append(child)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(children), refused


def be_busy() -> float:
    """Return how many cores two busy loops got."""
    started = time.monotonic()
    children = []
    with contextlib.suppress(OSError):  # no room for a second process: one loop will do
        for _ in range(2):
            child = os.fork()
            if child == 0:
                while time.monotonic() - started < BUSY_SECONDS:
                    pass
                os._exit(0)
            children.append(child)
    used = [os.wait4(child, 0)[2] for child in children]
    return sum(usage.ru_utime + usage.ru_stime for usage in used) / (time.monotonic() - started)


def _read(name: str) -> str:
    try:
        return (CGROUP / name).read_text().strip()
    except OSError:
        return ""


def _limit(text: str) -> float | None:
    return int(text) if text.isdecimal() and int(text) < UNLIMITED else None


if __name__ == "__main__":
    set_oom_score(500)
    seen: dict[str, object] = {"kernel": kernel_says()}
    seen["eaten_mib"], seen["eater_killed"] = eat(int(sys.argv[1]))
    seen["started"], seen["refused"] = multiply(int(sys.argv[2]))
    seen["busy_cores"] = be_busy()
    seen["read_only"] = bool(os.statvfs("/").f_flag & os.ST_RDONLY)
    sys.stdout.write(json.dumps(seen))
