"""Count the log lines that get lost on their way out of a container: a receiver that is down, a buffer that is full.

A writer numbers its lines, and those that arrive are counted. Every table has the columns ``path``, ``written``,
``arrived`` (different lines), ``lost``, ``duplicated``.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pandas as pd

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Running, Spec
from workshop_kit.engine.labels import COLLECT, SERVICE
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.faults.injection import fault
from workshop_kit.progress import Report, Step, silent

NOT_COLLECTED = {COLLECT: "no"}
PORT = 5140
OUTAGE_LINES, RATE, OUTAGE_SECONDS = 10_000, 5_000, 1.0  # the rate in lines a second
MODES_LINES, STALLED_SECONDS = 100_000, 1.5
NUMBER = re.compile(rb'\{\\?"n\\?": (\d+)')
QUIET_SECONDS = 1.5
"""A receiver that prints nothing for so long has read all that was sent to it."""
MODES: tuple[tuple[str, dict[str, str], float], ...] = (
    ("none", {"mode": "blocking"}, 0.0),
    ("none", {"mode": "blocking"}, STALLED_SECONDS),
    ("1m (default)", {"mode": "non-blocking"}, STALLED_SECONDS),
    ("16k", {"mode": "non-blocking", "max-buffer-size": "16k"}, STALLED_SECONDS),
)
"""The buffer of the log driver, the driver's options, and how long the receiver reads nothing."""
MODES_AT_ONCE = 2
MODES_COLUMNS = ["path", "buffer", "stalled_seconds", "written", "arrived", "lost", "duplicated", "seconds"]

WRITER = """
import sys, time
total, rate = int(sys.argv[1]), float(sys.argv[2])
start = time.monotonic()
for first in range(0, total, 100):
    numbers = range(first, min(first + 100, total))
    sys.stdout.write("".join('{"n": %d, "msg": "a line that may be needed"}\\n' % n for n in numbers))
    sys.stdout.flush()
    if rate:
        time.sleep(max(0, start + first / rate - time.monotonic()))
"""

# A syslog receiver that prints what it gets. SIGUSR1 closes it, as a crash would; SIGUSR2 opens it again.
# A small SO_RCVBUF: otherwise the kernel buffers all lines for a receiver that does not read.
RECEIVER = """
import os, signal, socket, socketserver, sys, threading

class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        super().server_bind()

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})
if sys.argv[-1] == "down":
    signal.sigwait({signal.SIGUSR2})
threading.Thread(target=Server(("0.0.0.0", %d), Lines).serve_forever, daemon=True).start()
signal.sigwait({signal.SIGUSR1})
os.execv(sys.executable, [*sys.orig_argv, "down"])
"""


def outage(bucket: LogBucket, report: Report = silent) -> pd.DataFrame:
    """Send lines to a syslog receiver and to the bucket, which both are down for a while; return a row for each path.

    Two containers write 5,000 lines a second: one with the ``syslog`` driver, one with the engine's files and the
    collector. Takes about five seconds.
    """
    stack, service = bucket.stack, f"numbered-{secrets.token_hex(3)}"
    report(Step("Outage", 0.1, "two containers write numbered lines"))
    with (
        _receiver(stack) as receiver,
        _writer(stack, OUTAGE_LINES, RATE, None, service) as by_files,
        # Started last, so that it still writes when its receiver goes down.
        _writer(stack, OUTAGE_LINES, RATE, _syslog(receiver)) as by_syslog,
    ):
        _wait_first_line(receiver)
        time.sleep(OUTAGE_LINES / RATE / 6)
        report(Step("Outage", 0.4, "the receiver and the bucket are down"))
        receiver.container.kill("SIGUSR1")
        with fault("disconnect", stack, "collector"):
            time.sleep(OUTAGE_SECONDS)
        receiver.container.kill("SIGUSR2")
        report(Step("Outage", 0.7, "both are up again"))
        for writer in (by_syslog, by_files):
            writer.wait_ended(within_seconds=60)
        bucket.wait_collected(30)
        _wait_quiet(receiver)
        rows = [
            _row("syslog driver", OUTAGE_LINES, receiver.container.logs()),
            _row("files and collector", OUTAGE_LINES, bucket.content(f"workshop/{service}/")),
        ]
    report(Step("Outage", 1.0, done=True))
    return pd.DataFrame(rows)


def modes(stack: Stack, report: Report = silent) -> pd.DataFrame:
    """Write lines as fast as possible to a syslog receiver that stalls; return a row for each of MODES.

    ``blocking`` (the engine's default) makes the program wait for the receiver. ``non-blocking`` drops the lines that
    do not fit into the buffer. Further columns: ``buffer`` (``16k``, ``1m``), ``stalled_seconds`` (how long the
    receiver read nothing), ``seconds`` (how long the writer ran).
    """
    report(Step("Modes", None, f"{MODES_LINES:,} lines, to receivers that read nothing for {STALLED_SECONDS:g} s"))
    with ThreadPoolExecutor(MODES_AT_ONCE) as pool:
        rows = list(pool.map(lambda mode: _write_to_stalled(stack, *mode), MODES))
    report(Step("Modes", 1.0, done=True))
    return pd.DataFrame(rows, columns=MODES_COLUMNS)


def _write_to_stalled(stack: Stack, buffer: str, options: dict[str, str], stalled_seconds: float) -> dict[str, Any]:
    """Write to a receiver that is paused at first: it accepts connections and reads nothing; return the row.

    Some megabytes fit into the buffers of the connection itself.
    """
    with _receiver(stack) as receiver:
        if stalled_seconds:
            receiver.container.pause()
        try:
            writer = _writer(stack, MODES_LINES, 0, _syslog(receiver, **options))
            time.sleep(stalled_seconds)
        finally:
            if stalled_seconds:
                receiver.container.unpause()
        with writer:
            writer.wait_ended(within_seconds=120)
            state = writer.inspect()["State"]
            _wait_first_line(receiver)
            _wait_quiet(receiver)
        start, end = (datetime.fromisoformat(state[key]) for key in ("StartedAt", "FinishedAt"))
        seconds = (end - start).total_seconds()
        row = _row(options["mode"], MODES_LINES, receiver.container.logs())
    return {**row, "buffer": buffer, "stalled_seconds": stalled_seconds, "seconds": round(seconds, 2)}


def _row(path: str, written: int, content: bytes) -> dict[str, Any]:
    counted = Counter(NUMBER.findall(content))
    lost, duplicated = written - len(counted), counted.total() - len(counted)
    return {"path": path, "written": written, "arrived": len(counted), "lost": lost, "duplicated": duplicated}


def _writer(stack: Stack, lines: int, rate: float, log: dict[str, Any] | None, service: str = "numbered") -> Running:
    spec = Spec(
        recipes.tags(stack.root)["base"],
        command=("python3", "-c", WRITER, str(lines), str(rate)),
        labels={SERVICE: service} if log is None else NOT_COLLECTED,
        host={"LogConfig": log} if log else {},
    )
    return containers.run(stack.session, spec)


def _receiver(stack: Stack) -> Running:
    """Start a syslog receiver and wait until it listens. Raises WorkshopError where the engine has no such driver."""
    dialect = stack.session.engine.dialect
    if not dialect.has_syslog:
        sentence = f"{dialect.product} has no log driver for syslog, so this cell cannot run."
        raise WorkshopError(sentence, "Read on below this cell.")
    command = ("python3", "-c", RECEIVER % PORT)
    spec = Spec(recipes.tags(stack.root)["base"], command=command, labels=NOT_COLLECTED, host={"NetworkMode": "bridge"})
    running = containers.run(stack.session, spec)
    listening = f":{PORT:04X} 00000000:0000 0A"
    running.wait_until(lambda: listening in running.exec("cat", "/proc/net/tcp").output, what="listen")
    return running


def _syslog(receiver: Running, **options: str) -> dict[str, Any]:
    address = receiver.inspect()["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    return {"Type": "syslog", "Config": {"syslog-address": f"tcp://{address}:{PORT}", **options}}


def _wait_first_line(receiver: Running) -> None:
    receiver.wait_until(lambda: NUMBER.search(receiver.container.logs(tail=1)) is not None, what="get a line")


def _wait_quiet(receiver: Running) -> None:
    """Wait until the receiver prints nothing more."""
    before = None
    while (last := receiver.container.logs(tail=1, timestamps=True)) != before:
        before = last
        time.sleep(QUIET_SECONDS)
