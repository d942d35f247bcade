"""A room that is flooded by connections and joins: others go on joining and being answered."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tests.workshop_room.live_room.conftest import opened
from workshop_kit.host import FILES, raise_file_limit
from workshop_kit.membership import membership
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.room_widget import RoomSync
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk import room_server
from workshop_room.desk.classroom import Classroom

FLOOD = 1_000
OTHER = "127.0.0.2"
"""Another address of this machine."""


@dataclass(frozen=True)
class LimitedRoom:
    """A room in a process of its own that may open 256 files."""

    process: subprocess.Popen[str]
    code: JoinCode
    errors: Path

    def tell(self, word: str) -> str:
        """Send a line to the process and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def limited_room(root: Path, tmp_path: Path, environment: dict[str, str]) -> Iterator[LimitedRoom]:
    """An open room."""
    command = [sys.executable, "-m", "tests.workshop_room.live_room.limited_room", str(tmp_path)]
    errors = tmp_path / "errors.txt"
    pipe = subprocess.PIPE
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=stderr, text=True, cwd=root, env=environment
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield LimitedRoom(process, JoinCode.read(process.stdout.readline()), errors)
        finally:
            process.kill()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let the tests' process hold the flood's connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raise_file_limit() > FLOOD
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect(code: JoinCode, address: str = "127.0.0.1") -> socket.socket:
    """Open a connection from an address and send nothing."""
    return socket.create_connection((code.address, code.port), timeout=10, source_address=(address, 0))


def send_join(code: JoinCode, number: int) -> Answer:
    """Join as one more participant."""
    body = json.dumps({"participant": f"{number:032x}", "sequence": 1}).encode()
    headers = {"Authorization": f"token {code.token}"}
    return http.request("POST", f"{code.url}/snapshot", content=body, headers=headers)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("many_files")
def test_a_flood_keeps_nobody_out(limited_room: LimitedRoom, tmp_path: Path) -> None:
    """1,000 silent connections stay open, and 1,000 joins come from the same address, at a limit of 256 files.

    Afterwards others join at the first try and are answered; the terminal shows no traceback.
    """
    code = limited_room.code
    with ExitStack() as connections:
        for _ in range(FLOOD):
            connections.enter_context(connect(code))
        for number in range(FLOOD):
            send_join(code, number)
        assert send_join(code, FLOOD).status == 200
        workspace = Workspace.open(tmp_path / "workspace", tmp_path / "no checkout")
        assert membership.join(workspace, code, "Ada").number > 0
        assert RoomSync(workspace, "00_start").sync().problem == ""
    assert int(limited_room.tell("joined")) < FLOOD / 2
    assert limited_room.errors.read_text() == ""


@pytest.mark.timeout(60)
def test_without_a_file_left_the_room_waits(limited_room: LimitedRoom) -> None:
    """It prints nothing and uses no CPU; the connection that waits is answered as soon as there are files again."""
    code = limited_room.code
    assert int(limited_room.tell("fill")) > 0
    with connect(code) as waiting:
        assert float(limited_room.tell("idle")) < 0.3
        waiting.sendall(f"GET /{code} HTTP/1.1\r\nHost: {code.address}:{code.port}\r\n\r\n".encode())
        limited_room.tell("release")
        assert waiting.recv(100).startswith(b"HTTP/1.1 200")
    assert limited_room.errors.read_text() == ""


def is_closed(connection: socket.socket) -> bool:
    """Whether the room has closed a connection; it looks at once."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_new_connection_takes_the_place_of_the_oldest_of_the_busiest_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room with four places: the flood of one address closes its own connections, never one of another address."""
    monkeypatch.setattr(room_server, "MOST_CONNECTIONS", 4)
    with opened(tmp_path, Classroom({}, {})) as code, ExitStack() as connections:
        other_address = connections.enter_context(connect(code, OTHER))
        flood = [connections.enter_context(connect(code)) for _ in range(6)]
        assert send_join(code, 1).status == 200
        wait_until(lambda: [is_closed(connection) for connection in flood] == [True, True, True, True, False, False])
        assert not is_closed(other_address)


def test_a_silent_connection_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends nothing, and one that sends half of a request."""
    monkeypatch.setattr(room_server, "SILENT_SECONDS", 0.2)
    with opened(tmp_path, Classroom({}, {})) as code, connect(code) as silent, connect(code) as slow:
        head = f"POST /snapshot HTTP/1.1\r\nHost: {code.address}:{code.port}\r\nContent-Length: 10\r\n\r\n"
        slow.sendall(f"{head}half".encode())
        wait_until(lambda: is_closed(silent))
        wait_until(lambda: is_closed(slow))


LIMIT = """
import resource, sys
from workshop_kit.host import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (256, int(sys.argv[1])))
print(raise_file_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("hard", "expected"), [(256, 256), (1024, 1024), (FILES + 1, FILES)])
def test_the_file_limit_is_raised_where_it_may_be(hard: int, expected: int, environment: dict[str, str]) -> None:
    """Up to what the system allows, and no further than needed."""
    command = [sys.executable, "-c", LIMIT, str(hard)]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    assert process.stdout.split() == [str(expected), str(expected), str(hard)]
