"""An HTTP server that stays within the files that its process may open.

Tornado's own server accepts connections until its process may open no more files, and then logs a traceback for every
further one.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable
from typing import Any

import tornado.httpserver
from tornado.iostream import IOStream

MOST_CONNECTIONS = 128
ACCEPTED_AT_ONCE = 16
"""How many connections are accepted before the open ones are read again."""
PAUSE_SECONDS = 0.2
"""How long the server waits for a file when no connection of its own can be closed."""


class BoundedServer(tornado.httpserver.HTTPServer):
    """Holds at most ``most_connections``: beyond that it closes an old connection for each new one.

    It closes the oldest connection of the address that has the most, so that a flood from one address closes no
    connection of another.
    """

    def initialize(self, *arguments: Any, most_connections: int = MOST_CONNECTIONS, **limits: Any) -> None:
        """Take Tornado's limits and the number of connections."""
        super().initialize(*arguments, **limits)
        self._most_connections = most_connections
        self._addresses_by_stream: dict[IOStream, str] = {}  # open connections, oldest first, and some closed ones

    def accept_from(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections from now on; in place of `add_sockets`."""
        for listening_socket in sockets:
            asyncio.get_running_loop().add_reader(listening_socket, self._accept, listening_socket)

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a connection, after an old one is closed if there are too many."""
        if len(self._addresses_by_stream) >= self._most_connections:
            self._forget_closed()
        if len(self._addresses_by_stream) >= self._most_connections:
            self._close_oldest()

        self._addresses_by_stream[stream] = address[0]
        super().handle_stream(stream, address)

    def _accept(self, listening_socket: socket.socket) -> None:
        """Accept the waiting connections; without a file for the next one, close an old one or pause."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, address = listening_socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no file is left
                self._forget_closed()
                if not self._close_oldest():
                    self._pause(listening_socket)
                return
            self.handle_stream(IOStream(connection), address)

    def _pause(self, listening_socket: socket.socket) -> None:
        """Stop accepting for a moment: the waiting connection would wake the loop again at once."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening_socket)
        loop.call_later(PAUSE_SECONDS, self._resume, listening_socket)

    def _resume(self, listening_socket: socket.socket) -> None:
        """Accept connections again."""
        if listening_socket.fileno() >= 0:  # the server may have ended
            self.accept_from([listening_socket])

    def _forget_closed(self) -> None:
        """Keep the open connections only."""
        addresses = self._addresses_by_stream.items()
        self._addresses_by_stream = {stream: address for stream, address in addresses if not stream.closed()}

    def _close_oldest(self) -> bool:
        """Close the oldest connection of the address that has the most; return whether there was one."""
        if not self._addresses_by_stream:
            return False
        counts_by_address = Counter(self._addresses_by_stream.values())
        busiest_address, _ = counts_by_address.most_common(1)[0]
        addresses = self._addresses_by_stream.items()
        oldest_stream = next(stream for stream, address in addresses if address == busiest_address)

        del self._addresses_by_stream[oldest_stream]
        oldest_stream.close()
        return True
