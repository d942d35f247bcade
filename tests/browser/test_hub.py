"""A room on the private engine, by the commands of its README: a lesson in a browser, and no way to a neighbor.

One room serves all tests of this file: its image takes minutes to build, and a seat a minute to start.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.browser.lab_page import LabPage
from tests.commands import ensure_npm
from tests.conftest import code_blocks
from tests.private_engine import PrivateEngine, private_engine
from workshop_dev.suite import find_browser
from workshop_kit.engine import images
from workshop_kit.engine.reach import Engine
from workshop_kit.lessons.lab import LabServer
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import wait_for
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import lab_path
from workshop_room import seat_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

SEATS = ("seat01", "seat02")
DATA_BYTES = 16 * 1024**3
"""Two seats have two engines with all images; the disk in memory takes what is written to it."""
PORT = 8000
HUB = f"http://127.0.0.1:{PORT}"
JUPYTER_PORT = 8888
IMAGE = "localhost/workshop/python:3.13"
RUN = ("docker", "run", "--detach", "--name", "my-service", "--publish", "127.0.0.1:18080:8080", IMAGE, "sleep", "600")
OF_THE_ROOM = {"label": "workshop.room"}
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
class Room:
    """A hub that runs on a private engine."""

    own: PrivateEngine

    def container(self, name: str) -> Any:
        """Return a seat's container."""
        return self.own.client().containers.get(f"workshop-room-{name}")

    def inside(self, name: str, *command: str) -> str:
        """Run a command in a seat and return its output; with a failure, also its exit code."""
        code, output = self.container(name).exec_run(list(command))
        return f"{output.decode(errors='replace').strip()}{f' (exit {code})' if code else ''}"

    def workspace(self, name: str) -> Workspace:
        """Return the participant's folder, as this machine sees the volume."""
        volume = self.own.client().volumes.get(f"workshop-room-{name}-work")
        folder = Path(volume.attrs["Mountpoint"])
        return Workspace(folder, (folder / ".workshop" / "id").read_text().strip())

    def from_this_machine(self, address: str, port: int) -> str:
        """Try to connect from the machine, which reaches every seat."""
        return type_in(*self.own.inside(sys.executable, "-c", CONNECT, address, str(port))).strip()


def type_in(*words: str, **environment: str) -> str:
    """Run a command in the checkout; return what it prints."""
    variables = {**os.environ, **environment}
    process = subprocess.run(words, cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def room(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The running hub; the last command leaves nothing of it, and what is not its own stays."""
    build, install, start, remove = code_blocks(CHECKOUT / "deploy" / "room" / "README.md", "sh")
    had_image = images.has_image(engine, seat_server.tag())
    type_in("sh", "-ec", build, WORKSHOP_WORKSPACE=str(tmp_path_factory.mktemp("hub") / "my workspace"))
    ensure_npm()
    type_in("sh", "-ec", install)

    with private_engine(DATA_BYTES) as own:
        own.load(engine, [seat_server.tag()])
        if not had_image:
            engine.client.images.remove(seat_server.tag())
        client = own.client()
        client.volumes.create("of-others")
        room = Room(own)
        words = own.inside("sh", "-ec", start)
        variables = {**os.environ, "DOCKER_HOST": own.address}
        with subprocess.Popen(words, cwd=CHECKOUT, env=variables, start_new_session=True) as hub:
            try:
                assert wait_for(lambda: room.from_this_machine("127.0.0.1", PORT) == "connected", 60)
                yield room
            finally:
                os.killpg(hub.pid, signal.SIGTERM)

        assert len(client.containers.list(filters=OF_THE_ROOM)) == len(SEATS), "seats run on without the hub"
        type_in("sh", "-ec", remove, DOCKER_HOST=own.address)
        collections = (client.containers, client.networks, client.volumes)
        assert [collection.list(filters=OF_THE_ROOM) for collection in collections] == [[], [], []]
        assert [volume.name for volume in client.volumes.list()] == ["of-others"]


@pytest.fixture(scope="module")
def chromium(room: Room, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium where the private engine's networks are."""
    program = tmp_path_factory.mktemp("chromium") / "chromium"
    program.write_text(f'#!/bin/sh\nexec {" ".join(room.own.inside(str(find_browser())))} "$@"\n')
    program.chmod(0o755)
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
    yield browser
    browser.close()


def opens(page: Page) -> bool:
    """Open the hub; return whether it answers. Its proxy listens before the hub does."""
    response = page.goto(HUB)
    return response is not None and response.ok


@pytest.fixture(scope="module")
def contexts(room: Room, chromium: Browser) -> dict[str, BrowserContext]:
    """The browsers of two people, each logged in to the own seat by its line of the list."""
    lines = (CHECKOUT / "build" / "room" / "codes.txt").read_text().splitlines()
    codes = dict(line.split() for line in lines)
    contexts = {name: chromium.new_context(viewport={"width": 1280, "height": 900}) for name in SEATS}
    for name, context in contexts.items():
        page = context.new_page()
        assert wait_for(partial(opens, page), 60)
        page.locator("#username_input").fill(name)
        page.locator("#password_input").fill(codes[name])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(f"/user/{name}/lab"), timeout=300_000)
        page.close()
    return contexts


def lab_of(room: Room, name: str, context: BrowserContext) -> LabPage:
    """Return a page of a seat's JupyterLab."""
    return LabPage(context.new_page(), SeatServer(PORT, "", None, name), room.workspace(name))


def test_a_seat_opens_a_lesson(room: Room, contexts: dict[str, BrowserContext]) -> None:
    """Its first cell has an engine, with the container's limit of memory and not the machine's."""
    name = SEATS[0]
    lab = lab_of(room, name, contexts[name])
    lab.show("lesson", ['from workshop_kit.lessons.lesson import lesson\nw = lesson("01_container")', "!docker ps"])
    expect(lab.output(1)).to_contain_text("CONTAINER ID")
    lab.screenshot("hub")
    assert lab.errors == []
    lab.page.close()
    assert "4.0 GiB" in room.inside(name, "sh", "-c", "./workshop doctor | grep Memory")
    assert room.inside(name, "git", "--version").startswith("git version")


def test_work_goes_home_as_an_archive(room: Room, contexts: dict[str, BrowserContext]) -> None:
    """By the command of the README in a terminal of JupyterLab, and *Download* in its file list.

    The seat was killed before, and started again by the button on the hub's page: its work is on a volume.
    """
    name = SEATS[0]
    room.workspace(name).my_service.joinpath("mine.txt").write_text("my work")
    room.container(name).kill()
    page = contexts[name].new_page()
    assert wait_for(partial(knows_that_it_stopped, page), 90)  # the hub looks after its seats every half minute
    page.get_by_role("button", name="Start My Server").click()
    page.wait_for_url(re.compile(f"/user/{name}/lab"), timeout=300_000)

    page.goto(f"{HUB}/user/{name}/lab?reset")
    page.locator(".jp-LauncherCard", has_text="Terminal").click()
    terminal = page.locator(".jp-Terminal .xterm-helper-textarea")
    terminal.wait_for(state="attached")
    page.locator(".jp-Terminal").click()
    page.keyboard.type("tar czf my_service.tgz my_service\n")
    archive = page.locator(".jp-DirListing-item", has_text="my_service.tgz")
    archive.click(button="right")
    with page.expect_download() as download:
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Download$")).click()
    with tarfile.open(download.value.path()) as files:
        assert "my_service/mine.txt" in files.getnames()
    page.close()


def knows_that_it_stopped(page: Page) -> bool:
    """Open the hub's page; return whether it offers to start the seat."""
    page.goto(f"{HUB}/hub/home")
    return page.get_by_role("button", name="Start My Server").is_visible()


def test_two_people_do_not_meet(room: Room, contexts: dict[str, BrowserContext]) -> None:
    """Both have a container of the same name on the same port; one seat reaches nothing of the other one.

    Neither its engine and its files, nor its server by address or through the proxy, nor the seat by the hub's API.
    """
    mine, neighbor = SEATS
    numbers = {name: room.inside(name, *RUN) for name in SEATS}
    assert "(exit 1)" in room.inside(mine, "docker", "inspect", numbers[neighbor])
    room.inside(neighbor, "sh", "-c", "echo private > /work/private.txt")
    assert "No such file" in room.inside(mine, "cat", "/work/private.txt")

    (network,) = room.container(neighbor).attrs["NetworkSettings"]["Networks"].values()
    address = network["IPAddress"]
    assert room.from_this_machine(address, JUPYTER_PORT) == "connected"
    assert room.inside(mine, "python3", "-c", CONNECT, address, str(JUPYTER_PORT)).startswith("no way")

    url = f"{HUB}/user/{neighbor}/api/contents/private.txt"
    for name, status in ((mine, 403), (neighbor, 200)):
        page = contexts[name].new_page()
        answer = page.goto(url)
        assert answer is not None
        assert (name, answer.status) == (name, status)
        page.close()

    ask = ("python3", "-c", ASK_HUB)
    assert room.inside(mine, *ask, "GET", "/user") == "200"
    for method, path in (("GET", ""), ("DELETE", "/server"), ("POST", "/tokens")):
        assert room.inside(mine, *ask, method, f"/users/{neighbor}{path}") in {"403", "404"}


def test_another_container_can_run_the_engine(room: Room) -> None:
    """As in a cluster: a seat with DOCKER_HOST starts no engine, and loads the images into the one that it names."""
    client = room.own.client()
    address = "unix:///run/engine/docker.sock"
    shared = {"engine-socket": {"bind": "/run/engine"}, "shared-work": {"bind": "/work"}}
    image = seat_server.tag()
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
