"""The image store of Docker Desktop and of new installations of Docker 29, which is containerd's, on a private engine.

The lessons build and look for images in it as in the classic store.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import copy_of_the_checkout
from tests.private_engine import CONTAINERD_STORE, PrivateEngine, private_engine
from workshop_kit.engine.reach import Engine
from workshop_kit.paths import CHECKOUT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
FIRST_CHART = "layers"
"""The cell of lesson 01 that draws the layers of the first image."""


@dataclass(frozen=True)
class StoreMachine:
    """A checkout beside an engine with containerd's image store."""

    own: PrivateEngine
    checkout: Path

    def workshop(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``./workshop`` of the checkout on this engine."""
        return self.own.workshop(self.checkout, *words)

    def tour(self, *lessons: str) -> list[tuple[str, str | None]]:
        """Run lessons; return the name and the error of each."""
        ran = self.workshop("tour", "--json", *lessons)
        assert ran.stdout.startswith("["), ran.stdout + ran.stderr
        results = json.loads(ran.stdout)
        return [(one["lesson"], one["error"]) for one in results]


@pytest.fixture(scope="module")
def machine(engine: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreMachine]:
    """The workshop's images are loaded; the packages are those of this checkout."""
    checkout = copy_of_the_checkout(tmp_path_factory.mktemp("store") / "workshop")
    (checkout / ".venv").symlink_to(CHECKOUT / ".venv")
    with private_engine(daemon=CONTAINERD_STORE) as own:
        own.load(engine, images.values())
        yield StoreMachine(own, checkout)


def run_until(notebook: Path, cell: str) -> None:
    """Make text of the code cells after one, and remove the table of expectations, which names them."""
    content = json.loads(notebook.read_text())
    ids = [one["id"] for one in content["cells"]]
    for one in content["cells"][ids.index(cell) + 1 :]:
        if one["cell_type"] == "code":
            one["cell_type"] = "markdown"
            del one["outputs"], one["execution_count"]
    notebook.write_text(json.dumps(content))
    notebook.with_suffix(".expected.toml").unlink()


def test_it_is_containerds_store(machine: StoreMachine) -> None:
    """Else the tests below prove nothing."""
    client = machine.own.client()
    assert ["driver-type", "io.containerd.snapshotter.v1"] in client.info()["DriverStatus"]


def test_the_first_lessons_begin(machine: StoreMachine, tmp_path: Path) -> None:
    """The shop of lesson 00 opens and fails; lesson 01 builds its first image and draws its layers."""
    beginning = copy_of_the_checkout(tmp_path / "workshop")
    (beginning / ".venv").symlink_to(CHECKOUT / ".venv")
    run_until(beginning / "notebooks" / "01_container.ipynb", FIRST_CHART)
    results = StoreMachine(machine.own, beginning).tour("00_start", "01_container")
    assert results == [("00_start", None), ("01_container", None)]
