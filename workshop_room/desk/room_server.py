"""The live room's server: the only part of the desk that other machines reach. It takes snapshots and serves one page.

It listens on one address of this machine, and answers nothing without the join code.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import tornado.web
from pydantic import ValidationError

from workshop_kit.display.page_server import CSS, HTML, JS, JSON, MOST_BODY_BYTES, Handler, PageServer, network_address
from workshop_kit.errors import NotReady, WrongUsage, first_problem
from workshop_kit.files import read_small, write_atomically
from workshop_kit.host import raise_file_limit
from workshop_kit.membership.join_code import ALIKE, FIRST_PORT, PORTS, SECRETS, JoinCode
from workshop_kit.membership.protocol import Snapshot
from workshop_room.desk.classroom import Classroom, TooManyJoins

PAGES = Path(__file__).parent / "pages"
KEPT_SECONDS = 12 * 3600
"""How long a desk that is started again has the code that it had: participants need not join again."""
MOST_WRONG_CODES = 20
"""After so many wrong ones in a minute an address is told so; the right one always counts."""
MOST_CONNECTIONS = 1_000
SILENT_SECONDS = 5
"""How long a connection may take to send its request."""
RETRY_SECONDS = 2


def minute() -> int:
    """Return the number of the present minute."""
    return int(time.monotonic() // 60)


class RoomServer(PageServer):
    """Serves one room at its code's address. Raises NotReady for a taken port."""

    def __init__(self, code: JoinCode) -> None:
        super().__init__(code.port, code.address)
        self.code = code
        self.limits = {
            "max_body_size": MOST_BODY_BYTES,
            "no_keep_alive": True,  # so an open connection is one that waits for its answer
            "idle_connection_timeout": SILENT_SECONDS,
            "body_timeout": SILENT_SECONDS,
            "most_connections": min(MOST_CONNECTIONS, raise_file_limit() // 2),
        }

    def routes(self, _: Classroom) -> list[Any]:
        """Return the routes, all behind the code."""
        arguments: dict[str, Any] = {
            "tokens": [self.code.token],
            "names": {self.code.address},
            "wrong_codes": WrongCodes(),
        }

        def arguments_of(name: str, kind: str) -> dict[str, Any]:
            text = (PAGES / name).read_text(encoding="utf-8").replace("{{token}}", self.code.token)
            return {**arguments, "text": text, "kind": kind}

        return [
            (r"/snapshot", SnapshotHandler, {**arguments, "on_phone": False}),
            (r"/phone/snapshot", SnapshotHandler, {**arguments, "on_phone": True}),
            (r"/leave", LeaveHandler, arguments),
            (r"/phone\.js", RoomFile, arguments_of("phone.js", JS)),
            (r"/phone\.css", RoomFile, arguments_of("phone.css", CSS)),
            (r"/desk\.css", RoomFile, arguments_of("desk.css", CSS)),
            (r"/([\w-]+)", RoomFile, arguments_of("phone.html", HTML)),  # a browser's own /favicon.ico is no wrong code
        ]


class WrongCodes:
    """Counts the wrong codes of the present minute by address."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts = Counter[str]()

    def add(self, address: str) -> int:
        """Count a wrong code from an address; return how many came from it in the present minute."""
        if self._minute != minute():
            self._minute = minute()
            self._counts.clear()
        self._counts[address] += 1
        return self._counts[address]


class RoomHandler(Handler):
    """A request with the join code."""

    sentences: Mapping[int, str] = {
        400: "That is no message of a live room.",
        403: "This is not the code of the room: compare it with the screen.",
        405: "That is no message of a live room.",
        429: "Too many wrong codes came from your address. Compare yours with the screen: the right one always counts.",
    }

    def prepare(self) -> None:
        """Answer 403 without the code, and 429 after too many wrong ones."""
        token = self.given_token()
        if token and token not in self.tokens:
            wrong_count = self.route_arguments["wrong_codes"].add(self.request.remote_ip)
            if wrong_count > MOST_WRONG_CODES:
                raise tornado.web.HTTPError(429)
        super().prepare()

    def given_token(self) -> str:
        """Return the join code from the URL's path, else the token of the request."""
        typed_code = ""
        if self.path_args:
            typed_code = self.path_args[0].upper().translate(ALIKE)
        return typed_code or super().given_token()

    def snapshot(self) -> Snapshot:
        """Return the request's snapshot. Raises WrongUsage for anything else."""
        try:
            return Snapshot.model_validate_json(self.request.body)
        except ValidationError as error:
            raise WrongUsage(f"The room cannot read that: {first_problem(error)[:160]}.") from error


class SnapshotHandler(RoomHandler):
    """Takes a snapshot: of a laptop, or of a phone."""

    def post(self) -> None:
        """Keep it and answer with the room's state; with 429 where its address has to wait."""
        try:
            on_phone = self.route_arguments["on_phone"]
            state = self.served.report(self.snapshot(), self.request.remote_ip, on_phone=on_phone)
        except TooManyJoins as error:
            self.set_status(429)
            self.set_header("Retry-After", str(RETRY_SECONDS))
            self.answer(json.dumps({"error": str(error)}), JSON)
        else:
            self.answer(state.model_dump_json(), JSON)


class LeaveHandler(RoomHandler):
    """Forgets a participant."""

    def post(self) -> None:
        """Forget the participant of an otherwise empty snapshot."""
        self.served.forget(self.snapshot().participant)
        self.answer(json.dumps({"left": True}), JSON)


class RoomFile(RoomHandler):
    """The room's page and its parts."""

    def get(self, *_: str) -> None:
        """Answer with the file, whose links have the code."""
        self.answer(self.route_arguments["text"], self.route_arguments["kind"])


def open_room(code_file: Path, address: str | None = None) -> RoomServer:
    """Open a room on an address of this machine, by default that of its network.

    It keeps the port and the secret of the code in the file, if that is recent and the port is free. Raises WrongUsage
    for an address that is none of this machine's, NotReady without a network.
    """
    own_address = _require_own_address(address or network_address())
    code = _read_recent_code(code_file)
    if code is None:
        code = JoinCode(own_address, FIRST_PORT + secrets.randbelow(PORTS), secrets.randbelow(SECRETS))

    ports = [code.port, *range(FIRST_PORT, FIRST_PORT + PORTS)]
    for port in ports:
        with suppress(NotReady):
            server = RoomServer(JoinCode(own_address, port, code.secret))
            write_atomically(code_file, f"{server.code}\n".encode(), mode=0o600)
            return server
    raise NotReady(f"All ports from {FIRST_PORT} to {ports[-1]} are taken at {own_address}.", "End another program.")


def _read_recent_code(code_file: Path) -> JoinCode | None:
    """Return the code that an earlier desk wrote, with its address; None if it is too old or cannot be read."""
    with suppress(OSError, NotReady, WrongUsage):
        age_seconds = time.time() - code_file.stat().st_mtime
        if age_seconds < KEPT_SECONDS:
            return JoinCode.read(read_small(code_file).decode(errors="replace"))
    return None


def _require_own_address(text: str) -> str:
    """Return the text if it is an address of this machine. Raises WrongUsage for any other, and for 0.0.0.0."""
    with suppress(ValueError, OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        address = IPv4Address(text)
        probe.bind((str(address), 0))
        if not address.is_unspecified:
            return str(address)
    raise WrongUsage(f"{text!r} is no IPv4 address of this machine.", "Leave --address out, or name one.")
