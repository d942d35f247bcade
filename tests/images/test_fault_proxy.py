"""The fault proxy: real clients, a real server behind it, one behavior of the network at a time.

Each fault before the stack's database: tests/workshop_kit/faults/test_faults.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from images.fault_proxy import proxy as program
from images.fault_proxy.proxy import Listener, Proxy

pytestmark = pytest.mark.anyio

LINE = b"hello\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every line with itself."""
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


@dataclass(frozen=True)
class Client:
    """A connection to the proxy."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self) -> float:
        """Send a line, wait for the echo; return the seconds it took."""
        started = time.monotonic()
        self.writer.write(LINE)
        assert await self.reader.readexactly(len(LINE)) == LINE
        return time.monotonic() - started


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """A proxy before an echo server, which is on another address and has the same port."""
    monkeypatch.setattr(program, "ADDRESS", "127.0.0.1")
    async with await asyncio.start_server(echo, "127.0.0.2", 0) as server:
        running = Proxy("127.0.0.2")
        running.listeners = [Listener(running, server.sockets[0].getsockname()[1])]
        await running.tell([])
        yield running
        await running.tell([{"name": "down"}])


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Client]:
    """A connection to the proxy, closed at the end of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.listeners[0].port)
    yield Client(reader, writer)
    writer.close()


async def test_latency_makes_answers_late_on_open_connections_too(proxy: Proxy) -> None:
    """A fault and its end apply from the next answer on; latencies add up; one chunk is delayed as a whole."""
    late = {"name": "latency", "latency_ms": 200, "jitter_ms": 0}
    async with connected(proxy) as client:
        await proxy.tell([late])
        assert await client.say() >= 0.2
        await proxy.tell([late] * 3)
        assert await client.say() >= 0.6
        await proxy.tell([])
        await client.say()


async def test_down_refuses_and_reset_breaks_off(proxy: Proxy) -> None:
    """``down`` is as if the process had died; with ``reset`` new connections get RST, too, after a delay."""
    async with connected(proxy) as client:
        await client.say()
        await proxy.tell([{"name": "down"}])
        with pytest.raises(ConnectionResetError):
            await client.reader.read()
    with pytest.raises(ConnectionRefusedError):
        await connected(proxy).__aenter__()
    await proxy.tell([{"name": "reset", "after_ms": 300}])
    started = time.monotonic()
    async with connected(proxy) as client:
        with pytest.raises(ConnectionResetError):
            await client.reader.read()
        assert time.monotonic() - started > 0.2
    await proxy.tell([])
    async with connected(proxy) as client:
        await client.say()


async def test_half_open_answers_nothing_until_it_ends(proxy: Proxy) -> None:
    """Connections are made and silent, the open ones as well; nothing that was sent is lost."""
    async with connected(proxy) as old:
        await old.say()
        await proxy.tell([{"name": "half_open", "backlog_full": False}])
        async with connected(proxy) as new:
            waiting = [asyncio.create_task(client.say()) for client in (old, new)]
            assert not (await asyncio.wait(waiting, timeout=0.5))[0]
            await proxy.tell([])
            assert min(await asyncio.wait_for(asyncio.gather(*waiting), 10)) > 0.4
