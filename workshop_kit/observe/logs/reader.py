"""Read a log into one DataFrame; the package's docstring says how each kind of line is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import orjson
import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, chunks, container_of
from workshop_kit.observe.logs import lines
from workshop_kit.observe.logs.frame import frame_of
from workshop_kit.observe.logs.lines import Message

Since = datetime | None
"""A time with its zone; None: from the beginning of the log."""


def read_json_file(content: bytes | Iterable[bytes]) -> pd.DataFrame:
    """Read a file of the engine's json-file driver, given as bytes or as lines (an open file)."""
    return frame_of(lines.json_file_lines(BytesIO(content) if isinstance(content, bytes) else content))


def read_container(container: Any, *, since: Since = None) -> pd.DataFrame:
    """Read a container's log, or the part since a time.

    Raises WorkshopError if the container is gone, its log cannot be read, or the engine is away.
    """
    return frame_of(lines.assemble(EngineLog(container).messages(since=since)))


class EngineLog:
    """The log of one container, from its engine.

    Its methods raise ContainerGone, EngineUnavailable or WorkshopError.
    """

    def __init__(self, container: Any) -> None:
        self._container = container_of(container)
        self.has_terminal = bool(self._container.attrs["Config"]["Tty"])

    def is_running(self) -> bool:
        """Return whether the container runs now."""
        found = orjson.loads(b"".join(self._ask("json", {})))
        return bool(found["State"]["Running"])

    def messages(self, *, tail: int | None = None, since: Since = None) -> Iterator[Message]:
        """Yield the messages so far, in order; with ``tail`` only the last ones."""
        asked = {"stdout": 1, "stderr": 1, "timestamps": 1, "tail": "all" if tail is None else tail}
        if since is not None:
            asked["since"] = f"{since.timestamp():.6f}"
        try:
            yield from (lines.terminal_messages if self.has_terminal else lines.messages)(self._ask("logs", asked))
        except EngineRefused as refused:  # a log driver that cannot be read back, for one
            if "marked for removal" in refused.what:
                raise ContainerGone(self._container.name) from refused
            sentence = f"The log of {self._container.name} cannot be read. {refused.what}"
            raise WorkshopError(sentence, "Run it with the json-file or local log driver.") from refused

    def _ask(self, what: str, asked: Mapping[str, Any]) -> Iterator[bytes]:
        return chunks(self._container.client.api, f"/containers/{self._container.id}/{what}", asked)
