"""Whatever a participant's module does: an end in time, a sentence that helps, and nothing left behind."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise.judging import Judged
from workshop_kit.learn.exercise.result import Verdict

pytestmark = [pytest.mark.engine, pytest.mark.alone]  # three hogs at a time: no neighbor's deadline would hold

LIMIT_SECONDS = 40.0  # a check aims for half of it; a busy machine takes longer

LOOPS = "while True:\n    pass\n"
FORKS = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
PRINTS = "print(('x' * 999 + '\\n') * 100_000)\n"
PRINTS_ONE_LINE_FOR_EVER = "import sys\nwhile True:\n    sys.stdout.write('x' * 65536)\n"
SLEEPS = "import time\ntime.sleep(3600)\n"
NEVER_ANSWERS = "import socket, time\nserver = socket.create_server(('0.0.0.0', 8080))\ntime.sleep(3600)\n"
LISTENS_ELSEWHERE = """
import http.server
http.server.HTTPServer(('0.0.0.0', 9090), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
DRIPS = """
import socket, time
server = socket.create_server(('0.0.0.0', 8080))
while True:
    connection, _ = server.accept()
    for byte in b'HTTP/1.1 200 OK\\r\\nX: ' + b'x' * 1000:
        try:
            connection.send(bytes([byte]))
        except OSError:
            break
        time.sleep(0.5)
"""
ANSWERS_FOR_EVER = """
import socket
server = socket.create_server(('0.0.0.0', 8080))
while True:
    connection, _ = server.accept()
    connection.send(b'HTTP/1.1 200 OK\\r\\n\\r\\n')
    try:
        while True:
            connection.send(b'x' * 65536)
    except OSError:
        pass
"""
MEMORY_BOMB = "taken = []\nwhile True:\n    taken.append(bytearray(1024 * 1024))\n"
DELETES_ITSELF = "import shutil\nshutil.rmtree('/app')\n"
ANOTHER_SERVER = """
import http.server
http.server.HTTPServer(('0.0.0.0', 8080), http.server.BaseHTTPRequestHandler).serve_forever()
"""


MODULES = {
    "loops": (LOOPS, "loop that never ends"),
    "forks": (FORKS, "loop that never ends"),
    "prints 100 MB": (PRINTS, "exit code 0"),
    "prints for ever": (PRINTS_ONE_LINE_FOR_EVER, "nobody"),
    "sleeps": (SLEEPS, "nobody listens on port 8080"),
    "exits 0 at once": ("raise SystemExit(0)\n", "exit code 0"),
    "empty": ("", "exit code 0"),
    "never answers": (NEVER_ANSWERS, "no good answer"),
    "wrong port": (LISTENS_ELSEWHERE, "nobody listens on port 8080"),
    "drips": (DRIPS, "no good answer"),
    "answers for ever": (ANSWERS_FOR_EVER, "no good answer"),
    "another server": (ANOTHER_SERVER, "501"),
    "syntax error": ("def main(:\n", "SyntaxError"),
    "no such module": ("import workshop_map\n", "No module named 'workshop_map'"),
    "deletes its own files": (DELETES_ITSELF, "PermissionError"),
    "memory bomb": (MEMORY_BOMB, "more than its 256 MiB of memory"),
    "binary garbage": ("\x7fELF\x02\x01\x00\x00\xff\x1b[2J", "SyntaxError"),
}


@dataclass(frozen=True)
class Outcome:
    """What a check said, and after how long."""

    judged: Judged
    seconds: float


@pytest.fixture(scope="module")
def outcomes(participant: Stack) -> dict[str, Outcome]:
    """All of them checked, three at a time, with nothing left behind by any."""

    def outcome(name: str) -> Outcome:
        started = time.monotonic()
        judged = trying.judge(participant, "container.graceful", MODULES[name][0])
        return Outcome(judged, time.monotonic() - started)

    with trying.leaving_nothing(participant), ThreadPoolExecutor(3) as pool:
        return dict(zip(MODULES, pool.map(outcome, MODULES), strict=True))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_does_not_serve_is_told_why_in_time(outcomes: dict[str, Outcome], name: str) -> None:
    """It ends in time, with a sentence about this very fault and a short, harmless tail of its log."""
    outcome, (_, helps) = outcomes[name], MODULES[name]
    assert outcome.seconds < LIMIT_SECONDS
    assert outcome.judged.ruling is Verdict.DID_NOT_START
    assert helps in outcome.judged.summary
    assert all(finding.means and finding.look for finding in outcome.judged.findings)
    assert len(outcome.judged.output.encode()) <= 4096
    assert not any(character < " " and character not in "\n\t" for character in outcome.judged.output)


def test_a_module_that_tries_to_delete_its_files_and_serves_on_is_judged_by_how_it_ends(
    participant: Stack, root: Path
) -> None:
    """What it may not touch stays."""
    body = "    __import__('shutil').rmtree('/app', ignore_errors=True)\n"
    body += "    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)\n"
    own = trying.with_region(root, "__main__.py", "container.graceful", body)
    with trying.leaving_nothing(participant):
        judged = trying.judge(participant, "container.graceful", own)
    assert judged.ruling is Verdict.LUCKY


HANGS_WHEN_TOLD_TO_STOP = """
    import time
    loop.add_signal_handler(signal.SIGTERM, time.sleep, 3600)
"""
LOOPS_WHEN_TOLD_TO_STOP = """
    def spin(*_):
        while True:
            print("stopping " * 1000)
    signal.signal(signal.SIGTERM, spin)
"""
FORKS_WHEN_TOLD_TO_STOP = """
    def multiply(*_):
        while True:
            try:
                os.fork()
            except OSError:
                pass
    signal.signal(signal.SIGTERM, multiply)
"""


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(HANGS_WHEN_TOLD_TO_STOP, id="hangs"),
        pytest.param(LOOPS_WHEN_TOLD_TO_STOP, id="loops and prints"),
        pytest.param(FORKS_WHEN_TOLD_TO_STOP, id="forks"),
    ],
)
def test_a_module_that_misbehaves_when_told_to_stop_is_killed_in_time(
    participant: Stack, root: Path, body: str
) -> None:
    """The customer's loss and the kill are said, and nothing waits for it."""
    module = trying.with_region(root, "__main__.py", "container.graceful", body)
    started = time.monotonic()
    with trying.leaving_nothing(participant):
        judged = trying.judge(participant, "container.graceful", module)
    assert time.monotonic() - started < LIMIT_SECONDS
    assert judged.ruling is Verdict.WRONG
    assert "cut off" in judged.summary
    assert "137" in judged.summary
