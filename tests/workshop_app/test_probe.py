"""probe.py, which HEALTHCHECK runs: its exit code is 0 for a good answer of /livez, and for nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.http_server import QuietHandler, serving
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions

REGION = "monitoring.healthcheck"
SOURCE = (CHECKOUT / "solutions/04_monitoring/probe.py").read_text()
ANSWERS = CHECKOUT / "solutions/04_monitoring/answers" / REGION
SOLVED = regions.solved(SOURCE)
STARTER = regions.starter(SOURCE)


def with_answer(name: str) -> str:
    """The program with a participant's lines in the region."""
    return regions.replace(SOLVED, REGION, (ANSWERS / name / "probe.py").read_text())


RIGHT = {"solution": SOLVED, "urllib": with_answer("own_probe"), "socket": with_answer("socket")}
CONTENT_WITH_A_CONNECTION = {"starter": STARTER, "no answer": with_answer("no_answer")}


def serve(status: int) -> Callable[[], Iterator[int]]:
    """Return a server that answers each request with this status."""

    class Answer(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 500)
            self.end_headers()

    def run() -> Iterator[int]:
        with serving(ThreadingHTTPServer(("127.0.0.1", 0), Answer)) as server:
            yield server.server_port

    return run


def hang() -> Iterator[int]:
    """A port on which connections are accepted, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refuse() -> Iterator[int]:
    """A port on which nothing listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield closed.getsockname()[1]


SERVICES = {"well": serve(200), "ill": serve(503), "hangs": hang, "is gone": refuse}


def exit_code(program: str, service: str, folder: Path) -> int:
    """Run a probe in a container's way, beside this service."""
    path = folder / "probe.py"
    path.write_text(program)
    with contextmanager(SERVICES[service])() as port:
        environment = os.environ | {"HTTP_PORT": str(port)}
        process = subprocess.run([sys.executable, "-I", str(path)], env=environment, capture_output=True, check=False)
    return process.returncode


@pytest.mark.parametrize("name", RIGHT)
def test_only_a_good_answer_counts(name: str, tmp_path: Path) -> None:
    """503, a hang and a closed port are three ways not to be alive."""
    assert {service: exit_code(RIGHT[name], service, tmp_path) for service in SERVICES} == {
        "well": 0,
        "ill": 1,
        "hangs": 1,
        "is gone": 1,
    }


@pytest.mark.parametrize("name", CONTENT_WITH_A_CONNECTION)
def test_a_connection_is_no_answer(name: str, tmp_path: Path) -> None:
    """What participants begin with, and a cheat: both call a service well that hangs."""
    program = CONTENT_WITH_A_CONNECTION[name]
    assert exit_code(program, "hangs", tmp_path) == 0
    assert exit_code(program, "is gone", tmp_path) == 1
