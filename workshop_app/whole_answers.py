"""An answer in one piece: uvicorn writes its head, then its body, and each costs a system call and a packet.

It leaves at the end of the event loop's turn, after the lines that tell of it.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workshop_app.loggers import stdout

KEPT_BYTES = 65_536  # more than that in one turn leaves at once: who streams fills no memory


class WholeAnswers(HttpToolsProtocol):
    """HTTP as uvicorn speaks it (parsed in C), through a ``Gathering``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Somebody has connected."""
        super().connection_made(cast(asyncio.Transport, Gathering(transport, self.loop)))


class Gathering:
    """A transport that sends together what is written in the same turn of the event loop, and lines of the log first.

    Only for that turn is anything kept, so who streams waits for nothing.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept = b""
        self._closing = False

    def write(self, piece: bytes) -> None:
        """Send it soon, with what has come before it in this turn."""
        if self._kept:
            self._kept += piece
            if len(self._kept) > KEPT_BYTES:
                self._send_kept()
        elif piece:
            self._kept = piece
            self._loop.call_soon(self._send_kept)

    def close(self) -> None:
        """Close once all is sent."""
        self._closing = True
        self._loop.call_soon(self._close)

    def is_closing(self) -> bool:
        """Nothing should be written any more?"""
        return self._closing or self._transport.is_closing()

    def _close(self) -> None:
        self._send_kept()
        self._transport.close()

    def _send_kept(self) -> None:
        if self._kept:
            stdout.flush()
            piece, self._kept = self._kept, b""
            self._transport.write(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
