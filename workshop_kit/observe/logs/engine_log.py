"""The log of one container, read from its engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe.engine_api import ContainerGone, EngineRefused, chunks, container_of
from workshop_kit.observe.logs.lines import Message, messages


class EngineLog:
    """The log of one container, from its engine. Raises WrongUsage for a container with a terminal.

    Its methods raise ContainerGone, EngineUnavailable or WorkshopError.
    """

    def __init__(self, container: Any) -> None:
        self._container = container_of(container)
        if self._container.attrs["Config"]["Tty"]:  # the engine sends what the screen gets, not messages
            sentence = f"The log of {self._container.name} cannot be read: it has a terminal."
            raise WrongUsage(sentence, "Run it without -t, or without tty=True.")

    def is_running(self) -> bool:
        """Return whether the container runs now."""
        attributes = json.loads(b"".join(self._request("json", {})))
        return bool(attributes["State"]["Running"])

    def messages(self, *, tail: int | None = None, since: datetime | None = None) -> Iterator[Message]:
        """Yield the messages so far, in order; with ``tail`` only the last ones."""
        parameters = {"stdout": 1, "stderr": 1, "timestamps": 1, "tail": "all" if tail is None else tail}
        if since is not None:
            parameters["since"] = f"{since.timestamp():.6f}"

        try:
            yield from messages(self._request("logs", parameters))
        except EngineRefused as refusal:  # a log driver that cannot be read back, for one
            if "marked for removal" in refusal.what:
                raise ContainerGone(self._container.name) from refusal
            sentence = f"The log of {self._container.name} cannot be read. {refusal.what}"
            raise WorkshopError(sentence, "Run it with the json-file or local log driver.") from refusal

    def _request(self, end_of_path: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """Return the chunks of the engine's answer about this container."""
        return chunks(self._container.client.api, f"/containers/{self._container.id}/{end_of_path}", parameters)
