"""A lesson's cells, run one by one in a real kernel that works on a private engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Any, Self

from jupyter_client.manager import KernelManager

from tests.private_engine import PrivateEngine
from workshop_kit.lessons.lesson import HEADLESS
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import KERNEL, install_kernel

ANSI = re.compile(r"\x1b\[[0-9;]*m")
CELL_SECONDS = 120
SENTENCES = {"WorkshopError", "NotReady", "WrongUsage"}


@dataclass(frozen=True)
class Ran:
    """The result of one cell: its output as text, and the name and lines of its error."""

    cell: str
    shown: str
    error: str = ""
    lines: str = ""

    @property
    def is_good_or_a_sentence(self) -> bool:
        """Whether it ended well, or with a WorkshopError shown as a sentence."""
        first, *_ = self.lines.split("\n")
        return not self.error or (self.error in SENTENCES and "Traceback" not in self.lines and first.endswith("."))


class LessonKernel:
    """A kernel of a workspace in an engine's namespace; used as a context manager, it is ended with the block."""

    def __init__(self, own: PrivateEngine, workspace: Workspace, lesson: str) -> None:
        self._cells = {cell["id"]: "".join(cell["source"]) for cell in code_cells(workspace, lesson)}
        kernels = install_kernel(workspace)
        spec = json.loads((kernels / KERNEL / "kernel.json").read_text())
        self._sockets = tempfile.mkdtemp(prefix="kernel")
        # Sockets in a folder: its TCP ports would be out of reach, in another network namespace.
        self._manager = KernelManager(transport="ipc", ip=f"{self._sockets}/k")
        self._manager.kernel_spec.argv = own.inside(*spec["argv"])  # type: ignore[union-attr]
        self._manager.start_kernel(
            cwd=str(workspace.notebooks), env=environment_of(own, workspace, lesson, spec["env"])
        )
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    @property
    def ids(self) -> list[str]:
        """The lesson's code cells, in their order."""
        return list(self._cells)

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return int(self._manager.provisioner.process.pid)  # type: ignore[union-attr]

    def run(self, cell: str) -> Ran:
        """Run one of the lesson's cells."""
        return self.run_source(cell, self._cells[cell])

    def run_source(self, cell: str, source: str) -> Ran:
        """Run any code and wait until it has ended."""
        request = self._client.execute(source)
        shown: list[str] = []
        error = lines = ""
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=CELL_SECONDS)
            except Empty:
                raise AssertionError(f"{cell} hangs: {''.join(shown)}") from None
            if message["parent_header"].get("msg_id") != request:
                continue
            content: dict[str, Any] = message["content"]
            if message["msg_type"] == "error":
                error, lines = content["ename"], ANSI.sub("", "\n".join(content["traceback"]))
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return Ran(cell, "\n".join(shown), error, lines)
            else:
                shown.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

    def end(self) -> None:
        """End the kernel, as closing its tab does."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        shutil.rmtree(self._sockets, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.end()


def code_cells(workspace: Workspace, lesson: str) -> list[dict[str, Any]]:
    """The code cells of a lesson in a workspace."""
    document = json.loads((workspace.notebooks / f"{lesson}.ipynb").read_text())
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


def environment_of(own: PrivateEngine, workspace: Workspace, lesson: str, spec: dict[str, str]) -> dict[str, str]:
    """The environment of a lesson's kernel on a private engine, as JupyterLab would give it."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("DOCKER_", "WORKSHOP_"))},
        **spec,
        "DOCKER_HOST": own.address,
        "JPY_SESSION_NAME": str(workspace.notebooks / f"{lesson}.ipynb"),
        HEADLESS: "1",
    }


def python_inside(own: PrivateEngine, code: str, *words: str | Path) -> tuple[list[str], dict[str, str]]:
    """The command and the environment that run Python code with the kit, cut off from all but the private engine."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER_", "WORKSHOP_"))}
    command = own.inside(sys.executable, "-c", code, *(str(word) for word in words))
    return command, {**environment, "PYTHONPATH": str(CHECKOUT), "DOCKER_HOST": own.address}
