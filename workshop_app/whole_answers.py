"""An answer in one piece: uvicorn writes its head, then its body, and each costs a system call and a packet."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WholeAnswers(HttpToolsProtocol):
    """HTTP as uvicorn speaks it (parsed in C), through a ``Gathering``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Somebody has connected."""
        super().connection_made(cast(asyncio.Transport, Gathering(transport, self.loop)))


class Gathering:
    """A transport that sends two pieces together if the second comes in the same turn of the event loop.

    Only one piece is ever kept, and only for that turn: who streams waits for nothing, and fills no memory.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept = b""

    def write(self, piece: bytes) -> None:
        """Send it, with the one before it, or soon."""
        if self._kept:
            piece, self._kept = self._kept + piece, b""
            self._transport.write(piece)
        else:
            self._kept = piece
            self._loop.call_soon(self._send_kept)

    def close(self) -> None:
        """Close once all is sent."""
        self._send_kept()
        self._transport.close()

    def _send_kept(self) -> None:
        if self._kept:
            piece, self._kept = self._kept, b""
            self._transport.write(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
