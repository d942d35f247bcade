"""How an answer leaves: in one piece where it can, in order always, and never later than the loop's next turn."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from workshop_app.whole_answers import KEPT_BYTES, Gathering

pytestmark = pytest.mark.anyio
HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"hello"


class Wire:
    """What has been handed to the operating system, call by call."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed_after: int | None = None

    def write(self, piece: bytes) -> None:
        """One system call."""
        self.sent.append(piece)

    def close(self) -> None:
        """No more after this."""
        self.closed_after = len(self.sent)

    def is_closing(self) -> bool:
        """As every transport."""
        return self.closed_after is not None


def gathering(wire: Wire) -> Gathering:
    """What is tested, over a wire that we can look at."""
    return Gathering(cast(Any, wire), asyncio.get_running_loop())


async def test_head_and_body_leave_together() -> None:
    """One call instead of two: half the packets, and the client is woken once."""
    transport = gathering(wire := Wire())
    transport.write(HEAD)
    transport.write(BODY)
    await asyncio.sleep(0)
    assert wire.sent == [HEAD + BODY]


async def test_a_head_does_not_wait_for_a_slow_body() -> None:
    """Whoever streams shows at once that it has begun."""
    transport = gathering(wire := Wire())
    transport.write(HEAD)
    await asyncio.sleep(0)
    assert wire.sent == [HEAD]
    transport.write(BODY)
    await asyncio.sleep(0)
    assert wire.sent == [HEAD, BODY]


async def test_a_stream_fills_no_memory() -> None:
    """However much is written in one turn: nearly all of it is out, where the flow control sees it."""
    transport = gathering(wire := Wire())
    pieces = [bytes([number]) * 1000 for number in range(256)]
    for piece in pieces:
        transport.write(piece)
    assert b"".join(pieces).startswith(b"".join(wire.sent))
    assert 256_000 - KEPT_BYTES <= sum(map(len, wire.sent)) < 256_000
    await asyncio.sleep(0)
    assert b"".join(wire.sent) == b"".join(pieces)


async def test_nothing_is_lost_when_the_connection_closes() -> None:
    """What is kept is sent before the end; all else is the transport's own business."""
    transport = gathering(wire := Wire())
    assert not transport.is_closing()
    transport.write(HEAD)
    transport.close()
    assert transport.is_closing()
    await asyncio.sleep(0)
    assert (wire.sent, wire.closed_after) == ([HEAD], 1)


@pytest.mark.parametrize("closes", [False, True])
async def test_lines_leave_before_answers(monkeypatch: pytest.MonkeyPatch, closes: bool) -> None:
    """Whoever has an answer finds it in the log, even if we are killed right then; also if it is our last one."""
    transport = gathering(wire := Wire())
    monkeypatch.setattr("workshop_app.whole_answers.stdout.flush", lambda: wire.sent.append(b"line"))
    transport.write(HEAD)
    transport.write(BODY)
    if closes:
        transport.close()
    await asyncio.sleep(0)
    assert wire.sent == [b"line", HEAD + BODY]
