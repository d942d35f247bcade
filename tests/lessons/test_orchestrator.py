"""The orchestrator of lesson 04, by its own cells: one probe, one second, one miss; it ends, whatever it asks."""

from __future__ import annotations

import ast
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from workshop_kit.paths import CHECKOUT

NOTEBOOK = CHECKOUT / "notebooks" / "04_monitoring.ipynb"
MOST_SECONDS = 2.0
"""What may pass between the end of its time and its end: two probes, and what a busy machine adds."""


def functions(*names: str) -> dict[str, Any]:
    """Return these functions of the lesson's cells; nothing else of the cells is run."""
    namespace: dict[str, Any] = {"time": time, "httpx": httpx, "url": lambda container: container.address}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or not any(f"def {name}(" in source for name in names):
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name in names:
                exec(compile(ast.Module([node], []), cell["id"], "exec"), namespace)
    assert set(names) <= set(namespace)
    return namespace


class Frozen:
    """A container whose process is frozen: its port is open, and nobody answers, before a restart and after it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.restarts = 0

    def restart(self, timeout: int) -> None:
        """Count the restart."""
        self.restarts += 1


@pytest.fixture
def frozen() -> Iterator[Frozen]:
    """A frozen container."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield Frozen(f"http://127.0.0.1:{server.getsockname()[1]}")


def test_a_probe_without_an_answer_is_a_miss_after_a_second(frozen: Frozen) -> None:
    """It is not sent again."""
    namespace = functions("probe")
    began = time.monotonic()
    assert namespace["probe"](frozen, "/livez")["answer"] == "none"
    assert 0.9 < time.monotonic() - began < 1 + MOST_SECONDS


def test_a_frozen_process_is_restarted_and_the_orchestrator_ends(frozen: Frozen) -> None:
    """Two misses restart it. If it never answers, the time is over sooner than the restarts."""
    namespace = functions("probe", "orchestrate")
    began = time.monotonic()
    restarts = namespace["orchestrate"](frozen, 4)
    assert time.monotonic() - began < 4 + MOST_SECONDS
    assert len(restarts) == frozen.restarts == 1
