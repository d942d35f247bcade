"""Read logs, wherever they are, into one DataFrame; see the package for what becomes of which line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import orjson
import pandas as pd

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import instants
from workshop_kit.observe.logs import lines
from workshop_kit.observe.logs.frame import frame_of
from workshop_kit.observe.logs.lines import Line, Message
from workshop_kit.observe.wire import Gone, Refused, chunks, container_of

Since = datetime | float | None  # a time with a zone, or seconds since 1970; None: all there is


def read_lines(data: bytes) -> pd.DataFrame:
    """Lines as a program wrote them, or as ``docker logs`` shows them."""
    return frame_of(lines.plain_lines(_bytes(data, "read_lines")))


def read_json_file(content: bytes | Iterable[bytes]) -> pd.DataFrame:
    """The content of a file of the engine's json-file driver: all of it, or line by line, as an open file gives it."""
    if isinstance(content, str | bytes | bytearray):
        content = BytesIO(_bytes(content, "read_json_file"))
    return frame_of(lines.json_file_lines(content))


def read_container(container: Any, *, since: Since = None) -> pd.DataFrame:
    """All a container has written so far, or since a time.

    Raises WorkshopError if the container is gone, its log cannot be read, or the engine is away.
    """
    return frame_of(container_lines(container, since=since))


def container_lines(container: Any, *, since: Since = None) -> Iterator[Line]:
    """The same as lines; raises the same."""
    return lines.joined(EngineLog(container).messages(since=since))


class EngineLog:
    """The log of one container, as its engine gives it. What asks the engine raises Gone, Away or WorkshopError."""

    def __init__(self, container: Any) -> None:
        self._container = container_of(container)
        self.has_terminal = bool(self._container.attrs["Config"]["Tty"])

    def is_running(self) -> bool:
        """Whether the container runs now."""
        found = orjson.loads(b"".join(self._ask("json", {})))
        return bool(found["State"]["Running"])

    def messages(self, *, tail: int | None = None, since: Since = None) -> Iterator[Message]:
        """What was written so far, in order; with ``tail`` only the last so many messages."""
        asked = {"stdout": 1, "stderr": 1, "timestamps": 1, "tail": "all" if tail is None else tail}
        if since is not None:
            asked["since"] = f"{instants.seconds(since, 'time in `since`'):.6f}"
        try:
            yield from (lines.terminal_messages if self.has_terminal else lines.messages)(self._ask("logs", asked))
        except Refused as refused:  # a log driver that cannot be read back, for one
            if "marked for removal" in refused.what:
                raise Gone(self._container.name) from refused
            sentence = f"The log of {self._container.name} cannot be read. {refused.what}"
            raise WorkshopError(sentence, "Run it with the json-file or local log driver.") from refused

    def _ask(self, what: str, asked: Mapping[str, Any]) -> Iterator[bytes]:
        return chunks(self._container.client.api, f"/containers/{self._container.id}/{what}", asked)


def _bytes(data: Any, reader: str) -> bytes:
    if isinstance(data, str):
        raise WrongUsage(f"`{reader}` reads bytes, and this is a str.", "Give it text.encode().")
    return bytes(data)
