"""The time of set-up, start, a container's first answer, and a rebuild; each as a whole process or round trip."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks._rows import Row, median_pair, median_seconds, show
from benchmarks._workspace import ROOT, SCOPES, own_stack
from tests.conftest import free_port, like
from tests.waiting import wait_until
from workshop_kit.engine import containers, images, recipes
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.files import files_below
from workshop_kit.observe import http
from workshop_kit.workspace.folder import Workspace

RUNS = 7


def warm_setup() -> Row:
    """Measure ``./workshop setup`` where everything is set up already."""

    def work() -> None:
        subprocess.run([ROOT / "workshop", "setup"], check=True, capture_output=True)

    return Row("warm setup, which tries the engine", median_seconds(work, RUNS), RUNS, "≤ 5 s")


def warm_start(workspace: Workspace) -> Row:
    """Measure ``./workshop start``, until its JupyterLab answers, beside ``jupyter lab`` alone."""

    def ours() -> None:
        command = [str(ROOT / "workshop"), "start", "--no-browser"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            assert "http://" in process.stdout.readline()
            process.terminate()

    def theirs() -> None:
        port = free_port()
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
        command += ["--IdentityProvider.token=x", f"--ServerApp.root_dir={workspace.folder}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: http.get(f"http://127.0.0.1:{port}/api/status?token=x").status == 200)
            process.terminate()

    our_seconds, their_seconds = median_pair(ours, theirs, RUNS)
    beside = f"jupyterlab {version('jupyterlab')}"
    return Row("warm start", our_seconds, RUNS, "≤ 5 s beyond theirs", beside, their_seconds)


def first_answer(stack: Stack) -> Row:
    """Measure the time from the start of a container of the service to the first 200 of ``/livez``."""
    spec = like(stack.container("service"))
    ready_seconds: list[float] = []

    def work() -> None:
        with containers.run(stack.session, spec) as running:
            ready_seconds.append(running.wait_ready("/livez"))

    whole_seconds = median_seconds(work, RUNS)
    median_ready_seconds = sorted(ready_seconds[1:])[RUNS // 2]
    work_name = f"container start to /livez 200 (create and remove included: {whole_seconds:.2f} s)"
    return Row(work_name, median_ready_seconds, RUNS, "≤ 1.0 s")


def rebuild(session: Session) -> Row:
    """Measure the build of a new image after one changed line of the service, with all earlier steps cached."""
    base = recipes.tags(ROOT)["base"]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for path in files_below(ROOT / "workshop_app"):
            copy = root / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        recipe = next(recipe for recipe in recipes.RECIPES if recipe.name == "app")

        def work() -> None:
            with (root / "workshop_app" / "orders.py").open("a") as file:
                file.write(f"# {time.monotonic_ns()}\n")
            images.build(session, root, recipe, {"BASE": base}, tag=recipes.tag_of(root, recipe, base))

        return Row("rebuild after a one-line change of the service", median_seconds(work, RUNS), RUNS, "≤ 2 s")


def main() -> None:
    """Measure on a stack of its own."""
    with own_stack((*SCOPES, "machine")) as (workspace, stack):
        show([warm_setup(), warm_start(workspace), first_answer(stack), rebuild(stack.session)])


if __name__ == "__main__":
    main()
