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

from tests.workshop_kit.observe.conftest import Relay, Start, connected
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import logs

pytestmark = pytest.mark.engine
SIZES = (16_383, 16_384, 16_385, 1_048_576)
COUNT_UP = """
import json, sys, time
for n in range(10**9):
    print(json.dumps({"n": n, "msg": "line"}), file=sys.stderr if n % 3 == 0 else sys.stdout)
    time.sleep(PAUSE)
"""


class Listener:
    """Collects the frames of a following in a thread."""

    def __init__(self, following: logs.LogFollower) -> None:
        self.following = following
        self.items: list[Any] = []
        self._thread = threading.Thread(target=lambda: self.items.extend(following), daemon=True)
        self._thread.start()

    def end(self, within_seconds: float = 60) -> str:
        """Wait for the end; return its reason."""
        self._thread.join(within_seconds)
        assert not self._thread.is_alive()
        return self.following.ended

    def numbers(self) -> list[int]:
        """All numbers so far."""
        return [int(n) for frame in list(self.items) for n in frame["n"].dropna()]

    def gaps(self) -> list[logs.Gap]:
        """All gaps so far."""
        return [gap for frame in list(self.items) for gap in frame.attrs["gaps"]]

    def heard(self, count: int) -> None:
        """Wait for so many numbers."""
        deadline = time.monotonic() + 60
        while len(self.numbers()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)


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
        logs.read_lines(running.container.logs()),
        next(logs.follow(running, threading.Event())),
    ):
        assert [digest(text) for text in frame["raw"]] == expected
        assert len(frame) == len(SIZES)


def test_the_log_of_a_terminal_has_one_stream_and_no_carriage_returns(
    start: Start, session: Session, images: dict[str, str]
) -> None:
    """A long line is one row."""
    client = session.engine.client
    code = "import json; print(json.dumps({'n': 1})); print('x' * 40_000)"
    container = client.containers.create(
        images["base"], ["python3", "-c", code], tty=True, network_mode="none", stop_signal="SIGKILL"
    )
    try:
        container.start()
        container.wait()
        for frame in (logs.read_container(container), next(logs.follow(container, threading.Event()))):
            assert frame["n"].iloc[0] == 1
            assert frame["raw"].iloc[1] == "x" * 40_000
            assert len(frame) == 2
            assert frame["received"].notna().all()
    finally:
        container.remove(force=True)


def test_following_continues_after_a_restart_of_the_container(start: Start, stop: threading.Event) -> None:
    """Both runs, each line once, no gap; the removal ends it."""
    running = start(COUNT_UP.replace("PAUSE", "0.01"))
    listener = Listener(logs.follow(running, stop))
    listener.heard(30)
    running.container.restart(timeout=0)
    before = len(listener.numbers())
    listener.heard(before + 60)
    running.container.kill()
    running.container.wait()
    written = [int(n) for n in logs.read_container(running)["n"]]
    listener.heard(len(written))
    assert sorted(listener.numbers()) == sorted(written)
    assert written.count(0) == 2
    assert listener.gaps() == []
    running.remove()
    assert listener.end() == "the container was removed"


def test_following_continues_after_the_engine_was_unavailable(
    start: Start, relay: Relay, stop: threading.Event
) -> None:
    """The connection is cut twice under load: each line once, no gap, both streams."""
    running = start(COUNT_UP.replace("PAUSE", "0.0005"))
    far = connected(f"unix://{relay.address}").client.containers.get(running.id)
    listener = Listener(logs.follow(far, stop))
    for _ in range(2):
        listener.heard(len(listener.numbers()) + 300)
        relay.cut()
        time.sleep(0.4)
        relay.listen()
    listener.heard(len(listener.numbers()) + 300)
    running.container.kill()
    running.container.wait()
    written = [int(n) for n in logs.read_container(running)["n"]]
    listener.heard(len(written))
    assert sorted(listener.numbers()) == sorted(written) == list(range(len(written)))
    assert listener.gaps() == []
    stop.set()
    assert listener.end() == "following was stopped"


def test_both_streams_with_their_times(start: Start) -> None:
    """Each line has its stream and the engine's time; an empty line and a last one without end are lines."""
    began = datetime.now(tz=UTC)
    running = start(
        "import sys; print('out'); print(); print('err', file=sys.stderr); sys.stdout.write('né\\x85\\u2028t')"
    )
    running.container.wait()
    found = logs.read_container(running)
    assert found.loc[found["stream"] == "stdout", "raw"].tolist() == ["out", "", "né\x85\u2028t"]
    assert found.loc[found["stream"] == "stderr", "raw"].tolist() == ["err"]
    assert found["received"].between(began - timedelta(seconds=5), began + timedelta(seconds=60)).all()


def test_since_leaves_out_earlier_lines(start: Start) -> None:
    """A time with a zone or seconds since 1970; a time without a zone is refused."""
    running = start("import time; print('early'); time.sleep(0.4); print('late')")
    running.container.wait()
    early, late = logs.read_container(running)["received"]
    middle = (early + (late - early) / 2).to_pydatetime(warn=False)
    assert logs.read_container(running, since=middle)["raw"].tolist() == ["late"]
    assert logs.read_container(running, since=middle.timestamp())["raw"].tolist() == ["late"]
    with pytest.raises(WrongUsage, match="time zone"):
        logs.read_container(running, since=datetime(2026, 1, 1))


def test_a_removed_container_raises_one_sentence(start: Start) -> None:
    """Reading raises; following ends at once."""
    running = start("print('x')")
    running.container.wait()
    running.remove()
    with pytest.raises(WorkshopError, match="is gone"):
        logs.read_container(running)
    following = logs.follow(running, threading.Event())
    assert list(following) == []
    assert following.ended == "the container was removed"


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
        with pytest.raises(WorkshopError, match="cannot be read"):
            next(logs.follow(container, threading.Event()))
    finally:
        container.remove(force=True)


def test_a_name_instead_of_a_container_raises_one_sentence() -> None:
    """It says what to give instead."""
    with pytest.raises(WrongUsage, match="'service' is of type str") as caught:
        logs.read_container("service")
    assert "container" in caught.value.next_step
