"""A proxy that passes bytes between clients and a server late, slowly, in pieces, or not at all.

``proxy.py serve HOST PORT...`` listens on each port and connects to the same port of HOST, resolved anew for every
connection. ``proxy.py tell JSON`` replaces the faults of the running proxy by a list such as
``[{"name": "latency", "latency_ms": 300, "jitter_ms": 0}]`` and prints its state. It uses a socket file that only
programs in this container can reach, so it needs no port and no password.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

CONTROL = "/tmp/fault_proxy.sock"  # noqa: S108  # a tmpfs of the container's own
ADDRESS = ""  # all of them
CHUNK_BYTES = 16 * 1024
CONNECT_TIMEOUT_SECONDS = 10
BACKLOG = 128  # connections the kernel holds ready until they are accepted
# Faults of the listening port; the first active one counts.
LISTENER_FAULTS = ("down", "refuse", "backlog_full", "half_open", "reset")


@dataclass(frozen=True)
class Faults:
    """All active faults, combined."""

    listener_state: str = "open"
    reset_after_seconds: float = 0.0
    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: float = float("inf")
    slice_bytes: int = CHUNK_BYTES
    slice_pause_seconds: float = 0.0
    close_pause_seconds: float = 0.0

    @classmethod
    def of(cls, requested: list[dict[str, Any]]) -> Faults:
        """Parse a list of faults. Raises KeyError or ValueError for an unknown fault."""
        by_name: dict[str, list[dict[str, Any]]] = {}
        for one in requested:
            is_full = one["name"] == "half_open" and one["backlog_full"]
            by_name.setdefault("backlog_full" if is_full else one["name"], []).append(one)
        if unknown := by_name.keys() - {*LISTENER_FAULTS, "latency", "bandwidth", "slicer", "slow_close"}:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")

        def values(name: str, key: str) -> list[float]:
            return [one[key] for one in by_name.get(name, [])]

        return cls(
            listener_state=next((name for name in LISTENER_FAULTS if name in by_name), "open"),
            reset_after_seconds=min(values("reset", "after_ms"), default=0) / 1000,
            latency_seconds=sum(values("latency", "latency_ms")) / 1000,
            jitter_seconds=sum(values("latency", "jitter_ms")) / 1000,
            bytes_per_second=min(values("bandwidth", "kib_per_second"), default=float("inf")) * 1024,
            slice_bytes=int(min(values("slicer", "slice_bytes"), default=CHUNK_BYTES)),
            slice_pause_seconds=max(values("slicer", "pause_ms"), default=0) / 1000,
            close_pause_seconds=max(values("slow_close", "pause_ms"), default=0) / 1000,
        )

    def delay_seconds(self) -> float:
        """Draw the delay of one answer."""
        return max(0.0, self.latency_seconds + random.uniform(-1, 1) * self.jitter_seconds)  # noqa: S311

    def pieces(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """Cut data into the pieces to send, each with the seconds to pause after it."""
        size = self.slice_bytes
        if self.bytes_per_second < float("inf"):
            size = min(size, max(1, int(self.bytes_per_second / 20)))  # twenty pieces a second look like an even stream
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            yield piece, len(piece) / self.bytes_per_second + self.slice_pause_seconds


class Proxy:
    """The active faults, the listening ports, and the open connections."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.requested: list[dict[str, Any]] = []
        self.faults = Faults()
        self.changed = asyncio.Condition()
        self.listeners: list[Listener] = []
        self.clients: set[asyncio.StreamWriter] = set()
        self.serving: set[asyncio.Task[None]] = set()

    async def tell(self, requested: list[dict[str, Any]]) -> dict[str, Any]:
        """Replace the faults, also for open connections; return the state."""
        self.faults = Faults.of(requested)
        self.requested = requested
        for listener in self.listeners:
            listener.set(self.faults.listener_state)
        if self.faults.listener_state in {"down", "reset"}:
            for client in list(self.clients):
                reset(client)
        async with self.changed:
            self.changed.notify_all()
        return {"faults": self.requested, "connections": len(self.clients)}

    def accept(self, connection: socket.socket, port: int) -> None:
        """Serve a new client concurrently."""
        task = asyncio.create_task(self._serve(connection, port))
        self.serving.add(task)  # the event loop keeps weak references only
        task.add_done_callback(self.serving.discard)

    async def _serve(self, connection: socket.socket, port: int) -> None:
        """Serve one client from its first byte to its last."""
        reader, writer = await asyncio.open_connection(sock=connection)
        self.clients.add(writer)
        try:
            if self.faults.listener_state == "reset":
                await asyncio.sleep(self.faults.reset_after_seconds)
                raise ConnectionResetError
            await self._passable()
            await self._join(reader, writer, port)
            writer.close()
        except* OSError:
            reset(writer)
        finally:
            self.clients.discard(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        """Connect to the server and pass bytes until both sides have closed."""
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            upstream_reader, upstream = await asyncio.open_connection(self.host, port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, upstream, answers=False))
                both.create_task(self._pass_on(upstream_reader, writer, answers=True))
        finally:
            upstream.close()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        """Pass bytes in one direction; each chunk is subject to the faults that are active at its turn."""
        async for arrived, data in chunks(source):
            if answers:
                await asyncio.sleep(arrived + self.faults.delay_seconds() - now())
            await self._passable()
            for piece, pause_seconds in self.faults.pieces(data):
                sink.write(piece)
                await sink.drain()
                await asyncio.sleep(pause_seconds)
        await self._passable()
        await asyncio.sleep(self.faults.close_pause_seconds)
        sink.write_eof()

    async def _passable(self) -> None:
        """Wait while the connection is half open."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.faults.listener_state != "half_open")


class Listener:
    """One port: open, closed, or with a full backlog."""

    def __init__(self, proxy: Proxy, port: int) -> None:
        self.proxy = proxy
        self.port = port
        self.listener: socket.socket | None = None
        self.accepting: asyncio.Task[None] | None = None
        self.fillers: list[socket.socket] = []

    def set(self, state: str) -> None:
        """Open or close the port, or fill its backlog."""
        if state in {"down", "refuse"}:
            self._stop_accepting()
            if self.listener:
                # The canceled accept leaves the loop at its next turn: by then the number may be another socket's.
                asyncio.get_running_loop().remove_reader(self.listener)
                self.listener.close()
            self.listener = None
        elif state == "backlog_full":
            self._stop_accepting()
            self._fill(self._listen())
        elif self.accepting is None:
            self.accepting = asyncio.create_task(self._accept(self._listen()))

    def _listen(self) -> socket.socket:
        if self.listener is None:
            self.listener = socket.create_server((ADDRESS, self.port), backlog=BACKLOG)
            self.listener.setblocking(False)
        return self.listener

    def _stop_accepting(self) -> None:
        if self.accepting:
            self.accepting.cancel()
        self.accepting = None
        self._drain_backlog()

    def _fill(self, listener: socket.socket) -> None:
        """Fill the backlog of one connection with a connection of its own: the kernel drops further ones."""
        listener.listen(0)
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def _drain_backlog(self) -> None:
        for filler in self.fillers:
            filler.close()
        self.fillers.clear()

    async def _accept(self, listener: socket.socket) -> None:
        listener.listen(BACKLOG)
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            self.proxy.accept(connection, self.port)


async def chunks(source: asyncio.StreamReader) -> AsyncIterator[tuple[float, bytes]]:
    """Yield received data with its time; reads ahead, so that a delay makes answers late, not fewer."""
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)

    async def read() -> None:
        """Put what arrives into the queue; an empty piece is the end."""
        try:
            while data := await source.read(CHUNK_BYTES):
                await queue.put((now(), data))
        finally:
            await queue.put((now(), b""))

    reading = asyncio.create_task(read())
    try:
        while (item := await queue.get())[1]:
            yield item
        await reading  # raises if the connection was reset instead of closed
    finally:
        reading.cancel()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: a linger time of 0 makes the kernel send it."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def now() -> float:
    """Seconds on the event loop's clock."""
    return asyncio.get_running_loop().time()


async def serve(host: str, ports: list[int]) -> None:
    """Run until killed."""
    proxy = Proxy(host)
    proxy.listeners = [Listener(proxy, port) for port in ports]
    await proxy.tell([])

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, a line of JSON, with a line of JSON."""
        try:
            said = await proxy.tell(json.loads(await reader.readline()))
        except (ValueError, KeyError, TypeError) as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        writer.write(json.dumps(said).encode() + b"\n")
        writer.close()

    async with await asyncio.start_unix_server(listen, CONTROL) as control:
        await control.serve_forever()


def tell(text: str) -> int:
    """Send faults to the running proxy and print its answer; return 0 if it accepted them."""
    with socket.socket(socket.AF_UNIX) as line, line.makefile("r") as answers:
        line.connect(CONTROL)
        line.sendall(text.encode() + b"\n")
        answer = answers.readline()
    print(answer, end="")  # noqa: T201  # the answer for the caller
    return 1 if "error" in json.loads(answer) else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", host, *ports] if ports:
            asyncio.run(serve(host, [int(port) for port in ports]))
        case ["tell", text]:
            sys.exit(tell(text))
        case _:
            sys.exit("usage: proxy.py serve HOST PORT... | proxy.py tell JSON")
