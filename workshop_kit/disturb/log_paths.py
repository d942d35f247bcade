"""Two ways for lines to get lost on their way out of a container, counted: a receiver that is away, a full buffer.

Numbered lines go in at one end and are counted at the other. Every table has the columns ``path``, ``written``,
``arrived`` (different lines), ``lost``, ``duplicated``.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from workshop_kit.disturb.faults import fault
from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COLLECT, SERVICE
from workshop_kit.engine.log_bucket import LogBucket
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.progress import Report, Step, silent

NOT_COLLECTED = {COLLECT: "no"}
PORT = 5140
RATE = 5_000  # lines a second
NUMBER = re.compile(rb'\{\\?"n\\?": (\d+)')

WRITER = """
import sys, time
total, rate = int(sys.argv[1]), float(sys.argv[2])
start = time.monotonic()
for n in range(total):
    sys.stdout.write('{"n": %d, "msg": "a line that somebody may need"}\\n' % n)
    if rate and n % 100 == 0:
        sys.stdout.flush()
        time.sleep(max(0, start + n / rate - time.monotonic()))
"""

# A syslog receiver: prints what it gets. SIGUSR1: it is gone, as after a crash. SIGUSR2: it is there again.
RECEIVER = """
import os, signal, socketserver, sys, threading

class Lines(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        open_ones.add(self.request)
    def handle(self):
        for line in self.rfile:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

open_ones, server = set(), None
def away(*_):
    server.server_close()
    for one in list(open_ones):
        try:
            one.shutdown(2)
        except OSError:
            pass
    open_ones.clear()
def there(*_):
    global server
    server = Server(("0.0.0.0", %d), Lines)
there()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM})
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    got = signal.sigwait({signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM})
    if got == signal.SIGTERM:
        os._exit(0)
    if got == signal.SIGUSR1:
        server.shutdown()
        away()
    else:
        there()
        threading.Thread(target=server.serve_forever, daemon=True).start()
"""


def outage(
    bucket: LogBucket, *, lines: int = 15_000, away_seconds: float = 1.5, report: Report = silent
) -> pd.DataFrame:
    """Send lines to a syslog receiver and to the bucket; each is away for a while. A row for each path.

    5,000 lines a second leave two containers at once: one with the engine's ``syslog`` driver, one with its files and
    our collector behind them. Takes about ``lines / 5000`` + 5 seconds.
    """
    stack, service = bucket.stack, f"numbered-{secrets.token_hex(3)}"
    with _receiver(stack) as receiver:
        address = f"tcp://{_address(receiver)}:{PORT}"
        report(Step("Outage", 0.1, "two containers write numbered lines"))
        by_syslog = _writer(stack, lines, RATE, {"Type": "syslog", "Config": {"syslog-address": address}})
        by_files = _writer(stack, lines, RATE, None, service)
        with by_syslog, by_files:
            receiver.wait_until(lambda: NUMBER.search(receiver.container.logs(tail=1)) is not None, what="get a line")
            time.sleep(lines / RATE / 6)
            report(Step("Outage", 0.4, "the receiver is away, the bucket is away"))
            receiver.container.kill("SIGUSR1")
            with fault("disconnect", stack, "collector"):
                time.sleep(away_seconds)
            receiver.container.kill("SIGUSR2")
            report(Step("Outage", 0.7, "both are there again"))
            for writer in (by_syslog, by_files):
                writer.wait_ended(within_seconds=60)
            bucket.wait_collected(30)
            _wait_quiet(receiver)
            rows = [
                _row("syslog driver", lines, receiver.container.logs()),
                _row("files and collector", lines, bucket.content(f"workshop/{service}/")),
            ]
    report(Step("Outage", 1.0, done=True))
    return pd.DataFrame(rows)


def modes(stack: Stack, *, lines: int = 50_000, buffer: str = "16k", report: Report = silent) -> pd.DataFrame:
    """Write lines as fast as possible with the log driver's two modes; a row for each.

    ``blocking`` (the engine's default) makes the program wait when the engine is slow. ``non-blocking`` never makes it
    wait, and drops what does not fit into a ``buffer`` (the engine's words: ``16k``, ``1m``).
    """
    rows = []
    for number, (mode, options) in enumerate(
        {"blocking": {}, "non-blocking": {"mode": "non-blocking", "max-buffer-size": buffer}}.items()
    ):
        report(Step("Modes", number / 2, f"{lines:,} lines, {mode}"))
        log = {"Type": "json-file", "Config": {"max-size": "50m", "max-file": "5", **options}}
        with _writer(stack, lines, 0, log) as writer:
            writer.wait_ended(within_seconds=120)
            rows.append(_row(mode, lines, writer.container.logs()))
    report(Step("Modes", 1.0, done=True))
    return pd.DataFrame(rows)


def _row(path: str, written: int, content: bytes) -> dict[str, Any]:
    counted = Counter(_numbers(content))
    arrived = len(counted)
    return {
        "path": path,
        "written": written,
        "arrived": arrived,
        "lost": written - arrived,
        "duplicated": counted.total() - arrived,
    }


def _numbers(content: bytes) -> Iterable[int]:
    return map(int, NUMBER.findall(content))


def _writer(stack: Stack, lines: int, rate: float, log: dict[str, Any] | None, service: str = "numbered") -> Running:
    spec = Spec(
        images.tags(stack.root)["base"],
        command=("python3", "-c", WRITER, str(lines), str(rate)),
        labels={SERVICE: service} if log is None else NOT_COLLECTED,
        host={"LogConfig": log} if log else {},
    )
    return containers.run(stack.session, spec)


def _receiver(stack: Stack) -> Running:
    """A syslog receiver that listens."""
    image = images.tags(stack.root)["base"]
    command = ("python3", "-c", RECEIVER % PORT)
    running = containers.run(
        stack.session, Spec(image, command=command, labels=NOT_COLLECTED, host={"NetworkMode": "bridge"})
    )
    try:
        running.wait_until(
            lambda: f":{PORT:04X} 00000000:0000 0A" in running.exec("cat", "/proc/net/tcp").output, what="listen"
        )
    except BaseException:
        running.remove()
        raise
    return running


def _address(running: Running) -> str:
    """Where the engine reaches it. Raises WorkshopError if the engine gives its containers no address of their own."""
    for network in running.inspect()["NetworkSettings"]["Networks"].values():
        if network["IPAddress"]:
            return str(network["IPAddress"])
    raise WorkshopError("The receiver has no address on the engine's bridge.", "Run ./workshop doctor.")


def _wait_quiet(receiver: Running, within_seconds: float = 10) -> None:
    """Wait until nothing more arrives."""
    before, deadline = b"", time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        now = receiver.container.logs(tail=1, timestamps=True)
        if now == before:
            return
        before = now
        time.sleep(0.3)
