"""Stdout on real pipes: a reader that stalls, one that is gone, a disk that is full, several threads."""

from __future__ import annotations

import fcntl
import json
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
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop_app"],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
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
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop_app"],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        stdout=here,
        stderr=subprocess.PIPE,
    )
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
