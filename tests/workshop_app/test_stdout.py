"""Stdout on real pipes: a reader that stalls, one that is gone, a disk that is full, several threads."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from tests.workshop_app.conftest import PATIENCE_SECONDS, ROOT, Service
from workshop_app.stdout import MENDED, Stdout

Start = Callable[..., Service]
LONG = b"x" * 200_000 + b"\n"  # longer than a pipe holds


def tell(msg: str, fields: dict[str, object]) -> bytes:
    """A line about what was lost."""
    return json.dumps({"msg": msg, **fields}).encode() + b"\n"


def read_all(descriptor: int) -> bytes:
    """Everything until the other side closes."""
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def run(
    environ: dict[str, str], stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """The service, with what it writes going where the test looks."""
    return subprocess.Popen(
        [sys.executable, "-m", "workshop_app"],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        stdout=stdout,
        stderr=stderr,
    )


@pytest.mark.parametrize("blocking", [True, False])
def test_a_stalled_reader_stalls_the_writer_and_loses_nothing(blocking: bool) -> None:
    """Also where somebody has made the pipe non-blocking: a full pipe is waited for, whatever it says."""
    there, here = os.pipe()
    if not blocking:
        fcntl.fcntl(here, fcntl.F_SETFL, fcntl.fcntl(here, fcntl.F_GETFL) | os.O_NONBLOCK)
    out = Stdout(tell, here)

    def write() -> None:
        for number in range(20):
            out.write(b"%d " % number + LONG)
        os.close(here)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.3)
    assert writer.is_alive()  # it waits
    lines = read_all(there).splitlines(keepends=True)
    writer.join()
    assert lines == [b"%d " % number + LONG for number in range(20)]


def test_threads_do_not_cut_each_others_lines() -> None:
    """Lines of any length, from several threads: each whole, each once, each thread's in its order."""
    there, here = os.pipe()
    out = Stdout(tell, here)

    def write(name: int) -> None:
        for number in range(100):
            out.write(b"%d %d %s\n" % (name, number, b"x" * (number * 301)))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()

    def close() -> None:
        for thread in threads:
            thread.join()
        os.close(here)

    closer = threading.Thread(target=close)
    closer.start()
    lines = read_all(there).split(b"\n")[:-1]
    closer.join()
    found = [tuple(map(int, line.split()[:2])) for line in lines]
    assert sorted(found) == [(name, number) for name in range(4) for number in range(100)]
    assert all(line.count(b"x") == number * 301 for line, (_, number) in zip(lines, found, strict=True))
    assert [[n for who, n in found if who == name] for name in range(4)] == [list(range(100))] * 4


SIGNALED = """
import signal
from workshop_app import logs
logs.start()
log = logs.get_logger("a")
signal.signal(signal.SIGUSR1, lambda *_: log.info("inner"))
log.info("outer", text="x" * 1_000_000)
log.info("last")
"""


def test_a_line_logged_while_a_line_is_written_waits_its_turn() -> None:
    """As from a finalizer or a signal's handler, in the same thread: no deadlock, and no line inside another."""
    with subprocess.Popen([sys.executable, "-c", SIGNALED], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        select.select([process.stdout], [], [], PATIENCE_SECONDS)  # it has begun, and cannot end: the pipe is too small
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.2)
        lines = [json.loads(line) for line in process.stdout]
    assert [line["msg"] for line in lines] == ["outer", "inner", "last"]
    assert len(lines[0]["text"]) == 1_000_000


def test_a_stalled_reader_stalls_the_service_and_nothing_is_lost(environ: dict[str, str]) -> None:
    """Once the pipe is full, not even /livez answers; once somebody reads again, every line is there, in order."""
    process = run(environ)
    assert process.stdout
    asked: list[str] = []
    with process:
        url = f"http://127.0.0.1:{environ['HTTP_PORT']}"
        with httpx.Client(base_url=url, timeout=1.5, trust_env=False) as client:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    assert client.get("/livez").status_code == 200
                    asked.append(f"/none/{len(asked)}/{'x' * 2000}")
                    client.get(asked[-1])
                except httpx.ConnectError:
                    time.sleep(0.05)
                except httpx.ReadTimeout:
                    break
                assert time.monotonic() < deadline
            with pytest.raises(httpx.ReadTimeout):
                client.get("/livez")
        threading.Timer(1, process.terminate).start()  # by then it has gone on: all that it has to say is read
        lines = [json.loads(line) for line in process.stdout]
        assert process.wait() == 0
    assert len(asked) > 5
    assert [line["path"] for line in lines if line["msg"] == "request" and line["route"] == "unmatched"] == asked
    assert lines[-1]["logger"] == "uvicorn.error"  # until its last word


def test_lines_that_can_wait_leave_in_one_call_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of one turn of the event loop together; before one that cannot wait; without another turn, on demand."""
    there, here = os.pipe()
    out, calls = Stdout(tell, here), []
    write = os.write

    def counting(descriptor: int, data: bytes) -> int:
        calls.append(data)
        return write(descriptor, data)

    monkeypatch.setattr("workshop_app.stdout.os.write", counting)

    async def turns() -> None:
        out.write_soon(b"1\n")
        out.write_soon(b"2\n")
        assert calls == []
        await asyncio.sleep(0)
        assert calls == [b"1\n2\n"]
        out.write_soon(b"3\n")
        out.write(b"4\n")
        assert calls == [b"1\n2\n", b"3\n4\n"]
        await asyncio.sleep(0)
        out.write_soon(b"5\n")

    asyncio.run(turns())
    out.flush()
    os.close(here)
    assert read_all(there) == b"1\n2\n3\n4\n5\n"
    assert len(calls) == 3


@pytest.mark.parametrize(("room", "lost"), [(0, 3), (1, 3), (2, 2), (3, 2), (5, 1)])
def test_of_lines_together_only_what_is_not_out_is_lost(monkeypatch: pytest.MonkeyPatch, room: int, lost: int) -> None:
    """A disk that fills up within them: those that had room stand there, the others are counted, a torn one, too."""
    there, here = os.pipe()
    out, write = Stdout(tell, here), os.write
    left: float = room

    def filling(descriptor: int, data: bytes) -> int:
        nonlocal left
        if descriptor == here:
            data = data[: int(min(left, len(data)))]
            left -= len(data)
            if not data:
                raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data)

    monkeypatch.setattr("workshop_app.stdout.os.write", filling)

    async def turn() -> None:
        for line in (b"1\n", b"2\n", b"3\n"):
            out.write_soon(line)

    asyncio.run(turn())
    out.flush()
    left = math.inf
    out.write(b"4\n")
    os.close(here)
    *whole, news, last = [line for line in read_all(there).splitlines() if line]
    assert (json.loads(news), last) == ({"msg": MENDED, "lines": lost}, b"4")
    assert b"\n".join(whole) == b"1\n2\n3"[:room].rstrip(b"\n")


def test_whoever_has_an_answer_stands_in_the_log(environ: dict[str, str]) -> None:
    """Killed in the middle of its work, with many requests at once: none was answered whose line is not there."""
    process = run(environ, stderr=subprocess.DEVNULL)
    assert process.stdout
    answered: list[str] = []

    def ask(name: int) -> None:
        number = 0
        with httpx.Client(base_url=f"http://127.0.0.1:{environ['HTTP_PORT']}", trust_env=False) as client:
            while process.poll() is None:
                path = f"/none/{name}/{number}"
                try:
                    assert client.get(path).status_code == 404
                except httpx.TransportError:
                    time.sleep(0.01)
                else:
                    answered.append(path)
                    number += 1

    callers = [threading.Thread(target=ask, args=(name,)) for name in range(8)]
    for caller in callers:
        caller.start()

    def kill() -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(answered) < 300 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()

    threading.Thread(target=kill).start()
    with process:
        lines = process.stdout.read().splitlines(keepends=True)
    for caller in callers:
        caller.join()
    told = {json.loads(line).get("path") for line in lines if line.endswith(b"\n")}
    assert len(answered) >= 300
    assert set(answered) <= told


BROKEN = """
import os, sys
from workshop_app import logs
logs.start()
log = logs.get_logger("a")
kept = os.dup(1)
os.dup2(os.open(sys.argv[1], os.O_WRONLY), 1)
for number in range(3):
    log.info("lost", number=number)
os.dup2(kept, 1)
log.info("kept")
log.info("kept")
"""


def test_lines_that_cannot_be_written_are_counted() -> None:
    """A full disk: said once on stderr; when there is room again, how many were lost stands where they were."""
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, "/dev/full"], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    said = json.loads(done.stderr)
    assert (said["level"], said["out"]) == ("error", "stderr")
    assert said["error"] == "OSError: [Errno 28] No space left on device"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["msg"], line.get("lines")) for line in lines] == [(MENDED, 3), ("kept", None), ("kept", None)]


def test_without_a_reader_the_service_serves_on(start_service: Start, environ: dict[str, str]) -> None:
    """Whoever read the log is gone: the customers are served all the same, and stderr has one line about it."""
    there, here = os.pipe()
    process = run(environ, stdout=here)
    os.close(here)
    service = Service(process, int(environ["HTTP_PORT"]))
    service.wait_for("/livez", lambda answer: answer.status == 200)
    os.close(there)
    assert [service.ask("/orders/first").status for _ in range(3)] == [404] * 3
    assert service.stop() == 0
    (line,) = map(json.loads, service.errors)
    assert (line["out"], line["error"]) == ("stderr", "BrokenPipeError: [Errno 32] Broken pipe")


def test_started_without_a_stdout(environ: dict[str, str]) -> None:
    """The log goes nowhere, and not into the next socket that gets its number."""
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$0" -m workshop_app >&-', sys.executable],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    service = Service(process, int(environ["HTTP_PORT"]))
    service.wait_for("/livez", lambda answer: answer.status == 200)
    assert service.ask("/orders/first").status == 404
    assert service.stop() == 0
    assert service.errors == []
