"""The audit as a tool of its own: on a machine that has Docker and Python, and no clone of the workshop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from container_audit import prober
from container_audit.clone_spec import private_network
from container_audit.prober import HostProber
from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.session import Session
from workshop_kit.errors import Exit, NotReady

pytestmark = pytest.mark.engine
SERVES = ("python3", "-m", "http.server", "8080")


@pytest.fixture
def without_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine without an image for the container that asks."""
    monkeypatch.setattr(prober, "image_with_python", lambda _: "")


@pytest.mark.usefixtures("without_python")
def test_this_machine_asks_where_no_image_has_python(session: Session, images: dict[str, str]) -> None:
    """It reaches the network of the clones, because the engine runs here."""
    with private_network(session) as network, prober.on_network(session, network) as own:
        assert isinstance(own, HostProber)
        with containers.run(session, Spec(images["base"], command=SERVES, network=network)) as running:
            address = running.inspect()["NetworkSettings"]["Networks"][network]["IPAddress"]
            running.wait_for(lambda: own.open_ports(address, [8080, 9]) == (8080,), goal="listen")
            answer = own.get(f"http://{address}:8080/", timeout_seconds=5)
    assert answer.status == 200


@pytest.mark.usefixtures("without_python")
def test_where_nobody_reaches_a_clone_it_says_what_to_pull(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with an engine in a machine of its own."""
    monkeypatch.setattr(prober, "_is_here", lambda *_: False)
    with private_network(session) as network, pytest.raises(NotReady, match=r"Run docker pull python:3\.13-slim"):
        prober.on_network(session, network).__enter__()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_package_audits_from_anywhere(root: Path, tmp_path: Path, images: dict[str, str]) -> None:
    """``container-audit`` of a wheel, with the packages that the audit needs, in an empty folder."""
    uv = Path(sys.executable).with_name("uv")
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    wheel = tmp_path / "dist" / f"container_design_workshop-{version}-py3-none-any.whl"
    packages = tmp_path / "packages"
    for words in (
        ("build", "--wheel", "--out-dir", wheel.parent, root),
        ("venv", "--python", sys.executable, packages),
        ("pip", "install", "--python", packages, wheel),
    ):
        subprocess.run([uv, *words], env=environment, check=True, capture_output=True)

    listed = subprocess.run(
        [uv, "pip", "list", "--python", packages, "--format", "json"], env=environment, check=True, capture_output=True
    )
    names = {package["name"] for package in json.loads(listed.stdout)}
    assert "container-design-workshop" in names
    assert not {"jupyterlab", "matplotlib", "ipywidgets"} & names

    empty = tmp_path / "empty"
    empty.mkdir()
    program = str(packages / "bin" / "container-audit")
    chosen = (images["base"], "--only", "lifecycle,confinement")
    process = subprocess.run(
        [program, *chosen, "--json"], cwd=empty, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode in {Exit.GOOD, Exit.NOT_GOOD}, process.stderr
    assert json.loads(process.stdout)
    assert list(empty.iterdir()) == []

    no_engine = {**environment, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    process = subprocess.run([program, *chosen], cwd=empty, env=no_engine, capture_output=True, text=True, check=False)
    assert process.returncode == Exit.NOT_READY, process.stderr
    assert "./workshop setup in a clone of the workshop" in process.stderr
