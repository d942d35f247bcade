"""The image store of Docker Desktop and of new installations of Docker 29, which is containerd's, on a private engine.

The lessons build and look for images in it as in the classic store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import copy_of_the_checkout, run
from tests.deploy.agent import judge_agent
from tests.private_engine import CONTAINERD_STORE, PrivateEngine, private_engine
from workshop_kit import provision
from workshop_kit.engine import images as engine_images
from workshop_kit.engine import reach, recipes
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.reach import Engine
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service_image
from workshop_kit.trials.check_context import Context
from workshop_kit.workspace import exercise_list
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
AGENT_SCRIPT = Path(__file__).with_name("engines") / "agent.sh"
FIRST_CHART = "layers"
"""The cell of lesson 01 that draws the layers of the first image."""


@dataclass(frozen=True)
class StoreMachine:
    """A checkout beside an engine with containerd's image store."""

    own: PrivateEngine
    checkout: Path

    def workshop(self, *words: str | Path) -> str:
        """Run ``./workshop`` of the checkout on this engine; return what it prints."""
        ran = self.own.workshop(self.checkout, *words)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        return ran.stdout + ran.stderr

    def tour(self, *lessons: str) -> list[tuple[str, str | None]]:
        """Run lessons; return the name and the error of each."""
        ran = self.own.workshop(self.checkout, "tour", "--json", *lessons)
        assert ran.stdout.startswith("["), ran.stdout + ran.stderr
        results = json.loads(ran.stdout)
        return [(result["lesson"], result["error"]) for result in results]


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
    ids = [notebook_cell["id"] for notebook_cell in content["cells"]]
    for notebook_cell in content["cells"][ids.index(cell) + 1 :]:
        if notebook_cell["cell_type"] == "code":
            notebook_cell["cell_type"] = "markdown"
            del notebook_cell["outputs"], notebook_cell["execution_count"]
    notebook.write_text(json.dumps(content))
    tables_path = notebook.with_suffix(".toml")
    tables_path.write_text(tables_path.read_text().partition("\n[shows]\n")[0])


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


@pytest.mark.engines
def test_the_agent_reads_and_a_bundle_fits_either_store(machine: StoreMachine, engine: Engine, tmp_path: Path) -> None:
    """A bundle of this store's images can be loaded into the other one."""
    machine.workshop("setup")
    judge_agent(run("sh", AGENT_SCRIPT, DOCKER_HOST=machine.own.address))
    bundle = tmp_path / "my stick"  # saving fetches packages, from outside of the engine's network
    run(machine.checkout / "workshop", "bundle", "save", bundle, DOCKER_HOST=machine.own.address)
    machine.workshop("down")
    client = machine.own.client()
    assert client.containers.list(all=True) == client.volumes.list() == []
    with private_engine() as classic:
        loaded = classic.workshop(machine.checkout, "bundle", "load", bundle)
        assert loaded.returncode == 0, loaded.stderr
        there = reach.connect({"DOCKER_HOST": classic.address})
        assert engine_images.missing(there, machine.checkout) == []


@pytest.mark.engines
def test_no_build_asks_a_name_server_for_an_image_that_is_here(
    engine: Engine, images: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room without a network may have a name server that never answers: each question costs a build 20 seconds."""
    folder = tmp_path / "service"
    folder.mkdir()
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(f"FROM {recipes.PYTHON_ALIAS}\nCOPY Dockerfile .\n")
    (folder / "compose.yaml").write_text("services: { mine: { build: . } }\n")
    with private_engine(daemon=CONTAINERD_STORE, silent_name_server=True) as own:
        monkeypatch.setenv("DOCKER_HOST", own.address)
        own.load(engine, [images["python"]])
        client = own.client()
        for tag in (recipes.PYTHON_ALIAS, "workshop/python:3.13"):
            client.images.get(images["python"]).tag(tag)
        workspace = Workspace.open(tmp_path / "workspace")
        session = provision.session_of(workspace, reach.connect())
        stack = provision.stack_of(workspace, session)
        exercise = exercise_list.find(exercise_list.load(CHECKOUT), "container.dockerfile")
        context = Context(exercise, stack, seed=0, folder=folder)

        WorkspaceClient(session).images.build(path=str(folder), tag="mine:1")
        with service_image.build(context):
            pass
        run("docker", "compose", "--project-directory", folder, "build")
        assert own.asked_names() == []

        dockerfile.write_text("FROM workshop/python:3.13\nCOPY Dockerfile .\n")
        WorkspaceClient(session).images.build(path=str(folder), tag="mine:2")
        assert own.asked_names() != []
