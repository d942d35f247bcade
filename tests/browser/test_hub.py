"""A room on the private engine: two people at once in their seats, a seat that is killed, and six ways to a neighbor.

One room serves all tests of this file: its image takes minutes to build, and a seat a minute to start.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.browser.lab_page import LabPage, button
from tests.commands import run
from tests.private_engine import PrivateEngine, private_engine
from tests.waiting import wait_until
from workshop_dev.suite import find_browser
from workshop_kit.engine.reach import Engine
from workshop_kit.exercises.exercise_files import ExerciseFiles
from workshop_kit.exercises.progress import Progress
from workshop_kit.lessons.lab import LabServer
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import registry
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import lab_path
from workshop_room.seats import hub_server
from workshop_room.seats.hub_seats import HubSettings

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

SEATS = ("seat01", "seat02")
DATA_BYTES = 16 * 1024**3
"""Two seats have two engines with all images; the disk in memory takes what is written to it."""
PORT = 8000
HUB = f"http://127.0.0.1:{PORT}"
NAME = "my-service"
SEAT_PORT = 18080
OPEN_PORT = 18081
JUPYTER_PORT = 8888
ID = "container.limits"
IMAGE = "localhost/workshop/python:3.13"
SERVE = (IMAGE, "python3", "-m", "http.server", "8080")
LESSON = [
    'from workshop_kit.lessons.lesson import lesson\nw = lesson("01_container")',
    f"!docker run --detach --name {NAME} --publish 127.0.0.1:{SEAT_PORT}:8080 {' '.join(SERVE)}",
    f'w.exercise("{ID}");',
]
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("connected")
except OSError as error:
    print("no way:", error)
"""
ASK_HUB = """
import os, sys, urllib.error, urllib.request
request = urllib.request.Request(os.environ["JUPYTERHUB_API_URL"] + sys.argv[2], method=sys.argv[1])
request.add_header("Authorization", "token " + os.environ["JUPYTERHUB_API_TOKEN"])
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@dataclass(frozen=True)
class SeatServer(LabServer):
    """The server of a seat behind the hub, which asks for a login and not for a token."""

    name: str = ""

    def url(self, page: str) -> str:
        """Return the address that opens ``page``."""
        return f"{self.address}/user/{self.name}{lab_path(page)}?of={self.name}"


@dataclass(frozen=True)
class HubRoom:
    """A hub that runs on a private engine, with two seats."""

    own: PrivateEngine
    settings: HubSettings
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        """Return a command of `./workshop hub`, run where the private engine's networks are."""
        return self.own.inside(sys.executable, "-P", "-m", "workshop_kit.cli", "hub", *words)

    def run(self, *words: str) -> str:
        """Run such a command; return what it says."""
        process = subprocess.run(
            self.command(*words), env=self.environment, capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stderr
        return process.stdout + process.stderr

    def container(self, name: str) -> Any:
        """Return a seat's container."""
        return self.own.client().containers.get(f"{self.settings.prefix}-{name}")

    def address(self, name: str) -> str:
        """Return a seat's address in its network."""
        (network,) = self.container(name).attrs["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def inside(self, name: str, *command: str) -> str:
        """Run a command in a seat and return its output; with a failure, also its exit code."""
        code, output = self.container(name).exec_run(list(command))
        return f"{output.decode(errors='replace').strip()}{f' (exit {code})' if code else ''}"

    def workspace(self, name: str) -> Workspace:
        """Return the participant's folder, as this machine sees the volume."""
        volume = self.own.client().volumes.get(f"{self.settings.prefix}-{name}-work")
        folder = Path(volume.attrs["Mountpoint"])
        return Workspace(folder, (folder / ".workshop" / "id").read_text().strip())

    def from_this_machine(self, address: str, port: int) -> str:
        """Try to connect from the machine, which reaches every seat."""
        return run(*self.own.inside(sys.executable, "-c", CONNECT, address, str(port))).strip()


@pytest.fixture(scope="module")
def room(engine: Engine, seat_image_tag: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubRoom]:
    """The running hub; at its end nothing of it may be left, and what is not its own stays."""
    hub_server.ensure(may_install=True)
    workspace = Workspace.open(tmp_path_factory.mktemp("hub") / "my workspace")
    settings = HubSettings.prepare(workspace, len(SEATS), seat_image_tag)
    with private_engine(DATA_BYTES) as own:
        own.load(engine, [seat_image_tag])
        client = own.client()
        client.volumes.create("of-others")
        environment = {**os.environ, "DOCKER_HOST": own.address, "PYTHONPATH": str(CHECKOUT)}
        environment |= {"WORKSHOP_WORKSPACE": str(workspace.folder)}
        room = HubRoom(own, settings, environment)
        words = room.command("start", "--address", "127.0.0.1", "--port", str(PORT))
        with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == f"Seats ready: 2. The hub: {HUB}\n"
                yield room
            finally:
                process.terminate()
        assert len(client.containers.list()) == len(SEATS), "seats run on without the hub"
        assert "Removed: 2 containers, 4 networks." in room.run("end")
        assert len(client.volumes.list(filters={"label": f"workshop.hub={settings.id}"})) == 6
        assert "Removed: 0 containers, 0 networks, 6 volumes." in room.run("end", "--volumes")
        assert [volume.name for volume in client.volumes.list()] == ["of-others"]


@pytest.fixture(scope="module")
def chromium(room: HubRoom, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium where the private engine's networks are."""
    program = tmp_path_factory.mktemp("chromium") / "chromium"
    program.write_text(f'#!/bin/sh\nexec {" ".join(room.own.inside(str(find_browser())))} "$@"\n')
    program.chmod(0o755)
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def contexts(room: HubRoom, chromium: Browser) -> dict[str, BrowserContext]:
    """The browsers of two people, each logged in to the own seat."""
    contexts = {name: chromium.new_context(viewport={"width": 1280, "height": 900}) for name in SEATS}
    for name, context in contexts.items():
        page = context.new_page()
        page.goto(HUB)
        page.locator("#username_input").fill(name)
        page.locator("#password_input").fill(room.settings.codes[name])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(f"/user/{name}/lab"))
        page.close()
    return contexts


def lab_of(room: HubRoom, name: str, page: Page) -> LabPage:
    """Return the page of a seat's JupyterLab."""
    return LabPage(page, SeatServer(PORT, "", None, name), room.workspace(name))


def solve(workspace: Workspace) -> None:
    """Write the solution of the exercise into a participant's file."""
    texts = ExerciseFiles(CHECKOUT, workspace.folder, registry.find(registry.load(CHECKOUT), ID))
    (workspace.folder / texts.exercise.path).write_text(texts.text_with_body(texts.solution))


def test_two_people_do_the_same_at_once(room: HubRoom, contexts: dict[str, BrowserContext]) -> None:
    """A container of the same name on the same port in both seats, and container.limits passes in both.

    A seat knows its own memory, not that of the machine.
    """
    labs = [lab_of(room, name, context.new_page()) for name, context in contexts.items()]
    for lab in labs:
        lab.page.set_viewport_size({"width": 1280, "height": 1400})
        solve(lab.workspace)
        lab.show("lesson", LESSON)
    for lab in labs:
        button(lab.widget(2), "Check").click()
    for name, lab in zip(SEATS, labs, strict=True):
        expect(lab.widget(2).get_by_role("region", name="What the check found")).to_contain_text("Passed")
        expect(lab.output(1)).to_contain_text(re.compile("[0-9a-f]{64}"))
        assert room.inside(name, "python3", "-c", CONNECT, "127.0.0.1", str(SEAT_PORT)) == "connected"
        assert "4.0 GiB" in room.inside(name, "sh", "-c", "./workshop doctor | grep Memory")
        lab.screenshot(f"hub-{name}")
        lab.save()
        assert lab.errors == []
        lab.page.close()


def test_a_seat_that_is_killed_keeps_its_work(room: HubRoom, contexts: dict[str, BrowserContext]) -> None:
    """It is started again by the button on the hub's page: files, notebook, progress and images are there."""
    name = SEATS[0]
    workspace = room.workspace(name)
    page = contexts[name].new_page()
    workspace.notebooks.joinpath("mine.txt").write_text("my work")
    before = workspace.progress_path.read_bytes()
    room.container(name).kill()
    page.goto(f"{HUB}/hub/home")
    page.get_by_role("button", name="Start My Server").click()
    page.wait_for_url(re.compile(f"/user/{name}/lab"), timeout=300_000)
    assert "all images were here already" in room.container(name).logs().decode()
    assert workspace.progress_path.read_bytes() == before
    assert Progress(workspace.progress_path).exercise(ID).passed_at is not None
    assert room.inside(name, "cat", "/work/notebooks/mine.txt") == "my work"
    lab = lab_of(room, name, page)
    lab.open("lesson")
    expect(lab.cell(2)).to_contain_text(ID)
    page.close()


@pytest.fixture(scope="module")
def neighbor(room: HubRoom) -> dict[str, str]:
    """The second seat, with a container that is open to its network, and a file; what the first one may not reach."""
    name = SEATS[1]
    container = room.inside(name, "docker", "run", "--detach", "--publish", f"{OPEN_PORT}:8080", *SERVE)
    room.inside(name, "sh", "-c", "echo private > /work/private.txt")
    return {"name": name, "address": room.address(name), "container": container}


def test_no_way_to_the_neighbors_engine(room: HubRoom, neighbor: dict[str, str]) -> None:
    """Two seats and the machine have three engines, and a seat's knows its own containers alone."""
    inspect = ("docker", "inspect", "--format", "{{.Id}}", neighbor["container"])
    assert room.inside(neighbor["name"], *inspect) == neighbor["container"]
    assert "(exit 1)" in room.inside(SEATS[0], *inspect)
    engines = {room.inside(name, "docker", "info", "--format", "{{.ID}}") for name in SEATS}
    assert len(engines | {room.own.client().info()["ID"]}) == 3


def test_no_way_to_the_neighbors_files(room: HubRoom, neighbor: dict[str, str]) -> None:
    """A seat has its own volumes alone."""
    assert room.inside(neighbor["name"], "cat", "/work/private.txt") == "private"
    assert "No such file" in room.inside(SEATS[0], "cat", "/work/private.txt")
    assert not volumes_of(room, SEATS[0]) & volumes_of(room, SEATS[1])


def volumes_of(room: HubRoom, seat: str) -> set[str]:
    """The names of a seat's volumes."""
    return {mount["Name"] for mount in room.container(seat).attrs["Mounts"]}


@pytest.mark.parametrize("port", [OPEN_PORT, JUPYTER_PORT], ids=["container", "server"])
def test_no_way_to_the_neighbors_ports(room: HubRoom, neighbor: dict[str, str], port: int) -> None:
    """Neither to a container that is open to the network, nor to JupyterLab; the machine itself reaches both."""
    wait_until(lambda: room.from_this_machine(neighbor["address"], port) == "connected")
    assert room.inside(SEATS[0], "python3", "-c", CONNECT, neighbor["address"], str(port)).startswith("no way")


def test_no_way_through_the_proxy(room: HubRoom, neighbor: dict[str, str], contexts: dict[str, BrowserContext]) -> None:
    """A person who is logged in to one seat gets no page of another one, and no file by its API."""
    for path in ("lab", "api/contents/private.txt"):
        url = f"{HUB}/user/{neighbor['name']}/{path}"
        for name, status in zip(SEATS, (403, 200), strict=True):
            page = contexts[name].new_page()
            answer = page.goto(url)
            assert answer is not None
            assert (name, answer.status) == (name, status)
            page.close()


def test_no_way_by_the_hubs_api(room: HubRoom, neighbor: dict[str, str]) -> None:
    """The token of a seat neither shows nor stops another seat, and the proxy's own API is the machine's alone."""
    ask = ("python3", "-c", ASK_HUB)
    assert room.inside(SEATS[0], *ask, "GET", "/user") == "200"
    for method, path in (("GET", ""), ("GET", "/server"), ("DELETE", "/server"), ("POST", "/tokens")):
        assert room.inside(SEATS[0], *ask, method, f"/users/{neighbor['name']}{path}") in {"403", "404"}
    assert room.container(neighbor["name"]).status == "running"
    assert room.from_this_machine("127.0.0.1", PORT + 1) == "connected"
    hub = room.settings.address
    assert room.inside(SEATS[0], "python3", "-c", CONNECT, hub, "8081") == "connected"
    assert room.inside(SEATS[0], "python3", "-c", CONNECT, hub, str(PORT + 1)).startswith("no way")


def test_another_container_can_run_the_engine(room: HubRoom) -> None:
    """As in a cluster: a seat with DOCKER_HOST starts no engine, and loads the images into the one that it names."""
    client = room.own.client()
    address = "unix:///run/engine/docker.sock"
    shared = {"engine-socket": {"bind": "/run/engine"}, "shared-work": {"bind": "/work"}}
    image = room.settings.image
    options = {"detach": True, "network_mode": "none"}
    sidecar = client.containers.run(image, ["dockerd", "--host", address], privileged=True, volumes=shared, **options)
    look = ["sh", "-c", f"docker image inspect --format {{{{.Id}}}} {IMAGE} && test ! -e /var/log/dockerd.log"]
    seat = client.containers.run(image, look, volumes=shared, environment={"DOCKER_HOST": address}, **options)
    try:
        assert seat.wait(timeout=300)["StatusCode"] == 0, seat.logs().decode()
        assert re.search(r"^sha256:[0-9a-f]{64}$", seat.logs(stderr=False).decode(), re.MULTILINE)
    finally:
        for container in (seat, sidecar):
            container.remove(force=True, v=True)
        for name in shared:
            client.volumes.get(name).remove()
