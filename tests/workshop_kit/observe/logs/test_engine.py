"""Reading and following real containers loses no line, repeats none, and joins long ones."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import docker
import pytest

from tests.waiting import wait_until
from tests.workshop_kit.observe.conftest import Relay, Start, connected
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import logs

pytestmark = pytest.mark.engine
SIZES = (16_383, 16_384, 16_385, 1_048_576)
COUNT_UP = """
import json, sys, time
for n in range(10**9):
    print(json.dumps({"n": n, "msg": "line"}), file=sys.stderr if n % 3 == 0 else sys.stdout)
    time.sleep(0.002)
"""


class Listener:
    """Collects the frames of a following in a thread."""

    def __init__(self, following: logs.LogFollower) -> None:
        self.following = following
        self.items: list[Any] = []
        self._thread = threading.Thread(target=lambda: self.items.extend(following), daemon=True)
        self._thread.start()

    def end(self) -> str:
        """Wait for the end; return its reason."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.following.ended

    def numbers(self) -> list[int]:
        """All numbers so far."""
        return [int(n) for frame in list(self.items) if len(frame) for n in frame["n"].dropna()]

    def heard(self, count: int) -> None:
        """Wait for so many numbers."""
        wait_until(lambda: len(self.numbers()) >= count)


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Ends every following at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def test_long_lines_arrive_with_the_same_digest(start: Start) -> None:
    """With and without timestamps, read and followed, at every length around the engine's pieces."""
    code = f"for size in {SIZES}: print(''.join(chr(97 + n * n % 26) for n in range(size)))"
    running = start(code)
    running.container.wait()
    expected = [digest("".join(chr(97 + n * n % 26) for n in range(size))) for size in SIZES]
    for frame in (
        logs.read_container(running),
        read_lines(running.container.logs()),
        next(logs.LogFollower(running, threading.Event())),
    ):
        assert [digest(text) for text in frame["raw"]] == expected


def test_following_goes_on_after_restarts_and_while_the_engine_does_not_answer(
    start: Start, relay: Relay, stop: threading.Event
) -> None:
    """Both runs, both streams, each line once, no gap, though the connection is cut twice; the removal ends it."""
    running = start(COUNT_UP)
    far = connected(f"unix://{relay.address}").client.containers.get(running.id)
    listener = Listener(logs.LogFollower(far, stop))
    for _ in range(2):
        listener.heard(len(listener.numbers()) + 100)
        relay.cut()
        time.sleep(0.4)
        relay.listen()
    running.container.restart(timeout=0)
    while listener.numbers().count(0) < 2:
        listener.heard(len(listener.numbers()) + 1)
    running.container.kill()
    running.container.wait()
    written = [int(n) for n in logs.read_container(running)["n"]]
    listener.heard(len(written))
    assert sorted(listener.numbers()) == sorted(written)
    assert written.count(0) == 2
    assert [gap for frame in listener.items for gap in frame.attrs["gaps"]] == []
    running.remove()
    assert listener.end() == "the container was removed"


def test_both_streams_with_their_times(start: Start) -> None:
    """Each line has its stream and the engine's time; an empty line and a last one without end are lines."""
    began = datetime.now(tz=UTC)
    running = start(
        "import sys, time; print('out'); print(); print('err', file=sys.stderr); time.sleep(0.4);"
        "sys.stdout.write('né\\x85\\u2028t')"
    )
    running.container.wait()
    found = logs.read_container(running)
    assert found.loc[found["stream"] == "stdout", "raw"].tolist() == ["out", "", "né\x85\u2028t"]
    assert found.loc[found["stream"] == "stderr", "raw"].tolist() == ["err"]
    assert found["received"].between(began - timedelta(seconds=5), began + timedelta(seconds=60)).all()
    middle = found["received"].max().to_pydatetime(warn=False) - timedelta(seconds=0.2)
    assert len(logs.read_container(running, since=middle)) == 1


def test_a_removed_container_or_another_type_raises_one_sentence(start: Start) -> None:
    """Reading raises; following ends at once."""
    running = start("print('x')")
    running.container.wait()
    running.remove()
    with pytest.raises(WorkshopError, match="is gone"):
        logs.read_container(running)
    following = logs.LogFollower(running, threading.Event())
    assert [len(frame) for frame in following] == [0]
    assert following.ended == "the container was removed"
    with pytest.raises(WrongUsage, match="'service' is of type str"):
        logs.read_container("service")


def test_a_log_driver_without_reading_raises_one_sentence(session: Session, images: dict[str, str]) -> None:
    """It names the container, the reason and the remedy."""
    config = docker.types.LogConfig(type="none")
    container = session.engine.client.containers.create(
        images["base"], ["sleep", "600"], log_config=config, stop_signal="SIGKILL"
    )
    try:
        container.start()
        with pytest.raises(WorkshopError, match="cannot be read") as caught:
            logs.read_container(container)
        assert container.name in caught.value.what
        assert "json-file" in caught.value.next_step
    finally:
        container.remove(force=True)
