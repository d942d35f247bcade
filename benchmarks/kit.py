"""The time until a lesson can be read: a warm start, and the imports of a first cell. Each is a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

from benchmarks._rows import Row, median_pair, show
from benchmarks._workspace import ROOT, own_stack
from tests.conftest import free_port
from workshop_kit.observe import http
from workshop_kit.patience import wait_for
from workshop_kit.workspace.folder import Workspace

RUNS = 7
EVERYDAY_IMPORTS = "import IPython, docker, matplotlib.pyplot, pandas"
KIT_IMPORT = "from workshop_kit.lessons.lesson import lesson"


def warm_start(workspace: Workspace) -> Row:
    """Measure ``./workshop start``, until its JupyterLab answers, beside ``jupyter lab`` alone."""

    def ours() -> None:
        command = [str(ROOT / "workshop"), "start", "--no-browser"]
        environment = {**os.environ, "WORKSHOP_WORKSPACE": str(workspace.folder)}
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            assert "http://" in process.stdout.readline()
            process.terminate()

    def theirs() -> None:
        port = free_port()
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
        command += ["--IdentityProvider.token=x", f"--ServerApp.root_dir={workspace.folder}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            assert wait_for(
                lambda: http.get(f"http://127.0.0.1:{port}/api/status?token=x").status == 200, 60, pause_seconds=0.05
            )
            process.terminate()

    our_seconds, their_seconds = median_pair(ours, theirs, RUNS)
    beside = f"jupyterlab {version('jupyterlab')}"
    return Row("warm start", our_seconds, RUNS, "≤ 1.4 ×", beside, their_seconds)


def first_imports() -> Row:
    """Measure the imports of a first cell, beside the libraries that every lesson uses."""

    def import_in_process(statements: str) -> None:
        subprocess.run([sys.executable, "-c", statements], check=True, cwd=ROOT)

    our_seconds, their_seconds = median_pair(
        lambda: import_in_process(f"{EVERYDAY_IMPORTS}; {KIT_IMPORT}"),
        lambda: import_in_process(EVERYDAY_IMPORTS),
        RUNS,
    )
    beside = "pandas, matplotlib, docker and IPython alone"
    return Row("imports of a first cell", our_seconds, RUNS, "≤ 1.25 ×", beside, their_seconds)


def main() -> None:
    """Measure on a stack of its own."""
    with own_stack() as (workspace, _):
        show([warm_start(workspace), first_imports()])


if __name__ == "__main__":
    main()
