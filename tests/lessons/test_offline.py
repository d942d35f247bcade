"""Once the machine is set up, the lessons need no network."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.lessons.cells import python_inside
from tests.private_engine import PrivateEngine
from workshop_kit.learn.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
LESSONS = ("00_start", "01_container")
TOUR = """
import json, sys
from pathlib import Path
from workshop_kit.learn import ready
from workshop_kit.learn.tour import tour
from workshop_kit.learn.workspace import Workspace

workspace = Workspace.open(Path(sys.argv[1]))
ready.make_ready(workspace, may_install=False)
results = tour(workspace, sys.argv[3:], output=Path(sys.argv[2]))
print(json.dumps({result.lesson: str(result.error or "good") for result in results}))
"""
REACH = """
import errno, socket
try:  # sends nothing: the kernel only looks for a route, and finds one on any machine with a network
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
    print("a way out")
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def test_the_lessons_run_without_a_way_out(own_engine: PrivateEngine, own_workspace: Workspace) -> None:
    """Engine, containers and kernels in a network that leads nowhere: set-up finds all there, and the tour passes."""
    command, environment = python_inside(own_engine, REACH)
    tried = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert tried.stdout.strip() == "ENETUNREACH"
    pages = own_workspace.folder.parent / "pages"
    command, environment = python_inside(own_engine, TOUR, own_workspace.folder, pages, *LESSONS)
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout.strip().split("\n")[-1]) == dict.fromkeys(LESSONS, "good")
