"""Stdout on real pipes: a reader that stalls, one that is gone, a disk that is full, several threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from tests.workshop_app.conftest import PATIENCE_SECONDS, ROOT, Service
from workshop_app.stdout import MENDED

Start = Callable[..., Service]


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


@pytest.mark.long
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

    callers = [threading.Thread(target=ask, args=(name,)) for name in range(4)]
    for caller in callers:
        caller.start()

    def kill() -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(answered) < 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()

    threading.Thread(target=kill).start()
    with process:
        lines = process.stdout.read().splitlines(keepends=True)
    for caller in callers:
        caller.join()
    told = {json.loads(line).get("path") for line in lines if line.endswith(b"\n")}
    assert len(answered) >= 100
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
