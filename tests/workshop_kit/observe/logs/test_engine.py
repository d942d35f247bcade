"""Through a real engine: nothing lost, nothing twice, long lines whole; restarts, cuts and drops said."""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pandas as pd
import pytest

from tests.workshop_kit.observe.conftest import Relay, Start, alone, connected, open_files
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.logs.following import Following

pytestmark = pytest.mark.engine
SIZES = (16_383, 16_384, 16_385, 32_768, 1_048_576)
COUNT_UP = """
import json, sys, time
for n in range(10**9):
    print(json.dumps({"n": n, "msg": "line"}), file=sys.stderr if n % 3 == 0 else sys.stdout)
    time.sleep(PAUSE)
"""
MANY = """
import json, sys
write = sys.stdout.buffer.write
for start in range(0, TOTAL, 1000):
    lines = (json.dumps({"n": n, "msg": "x" * (n % 200)}) + "\\n" for n in range(start, start + 1000))
    write("".join(lines).encode())
"""


class Listener:
    """Follows in a thread and keeps the frames."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self.frames: list[pd.DataFrame] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for frame in self.following:
            assert len(frame) == frame.attrs["lines"] > 0
            self.frames.append(frame)

    def numbers(self) -> list[int]:
        """All numbers so far."""
        return [int(n) for frame in list(self.frames) for n in frame["n"].dropna()]

    def gaps(self) -> list[logs.Gap]:
        """All gaps so far."""
        return [gap for frame in list(self.frames) for gap in frame.attrs["gaps"]]

    def heard(self, count: int, within_seconds: float = 60) -> None:
        """Wait for so many numbers."""
        deadline = time.monotonic() + within_seconds
        while len(self.numbers()) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(self.numbers()) >= count

    def end(self, within_seconds: float = 30) -> str:
        """Wait for the end; why it came."""
        self._thread.join(within_seconds)
        assert not self._thread.is_alive()
        return self.following.ended


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
        logs.read_stamped(running.container.logs(timestamps=True)),
        next(logs.follow(running, threading.Event())),
    ):
        assert [digest(text) for text in frame["raw"]] == expected
        assert len(frame) == len(SIZES)


def test_a_hundred_thousand_numbered_lines(start: Start) -> None:
    """0 lost, 0 twice, in order, through the engine to the frame; as text, too."""
    total = 100_000
    running = start(MANY.replace("TOTAL", str(total)))
    running.container.wait()
    for frame in (logs.read_container(running), logs.read_stamped(running.container.logs(timestamps=True))):
        assert frame["n"].tolist() == list(range(total))
        assert frame.attrs["malformed"] == 0


def test_a_terminal_is_read_like_any_other(start: Start, session: Session, images: dict[str, str]) -> None:
    """One stream, no carriage returns, a long line whole."""
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


def test_following_goes_on_when_the_container_is_started_again(start: Start, stop: threading.Event) -> None:
    """Both runs, each line once, no gap; then the removal is the end."""
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


def test_following_goes_on_when_the_engine_was_away(start: Start, relay: Relay, stop: threading.Event) -> None:
    """The wire is cut five times under load: each line once, no gap, both streams."""
    running = start(COUNT_UP.replace("PAUSE", "0.0005"))
    far = connected(f"unix://{relay.address}").client.containers.get(running.id)
    listener = Listener(logs.follow(far, stop))
    for _ in range(5):
        listener.heard(len(listener.numbers()) + 300)
        relay.cut()
        time.sleep(0.4)
        relay.mend()
    listener.heard(len(listener.numbers()) + 300)
    running.container.kill()
    running.container.wait()
    written = [int(n) for n in logs.read_container(running)["n"]]
    listener.heard(len(written))
    time.sleep(1)
    assert sorted(listener.numbers()) == sorted(written) == list(range(len(written)))
    assert listener.gaps() == []
    stop.set()
    assert listener.end() == "following was stopped"


def test_a_last_line_without_an_end_comes_when_the_container_rests(start: Start, stop: threading.Event) -> None:
    """As of a program that is killed in the middle of a line: nobody knows when it is started again."""
    code = "import json, sys; print(json.dumps({'n': 0})); sys.stdout.write(json.dumps({'n': 1}))"
    listener = Listener(logs.follow(start(code), stop))
    listener.heard(2, within_seconds=20)
    assert listener.numbers() == [0, 1]


def test_lines_that_were_rotated_away_meanwhile_are_a_gap(
    session: Session, images: dict[str, str], relay: Relay, stop: threading.Event
) -> None:
    """The engine keeps 100 kB; what was written while the reader was away is gone, and the frame says so."""
    config = docker.types.LogConfig(type="json-file", config={"max-size": "100k", "max-file": "1"})
    code = COUNT_UP.replace("PAUSE", "0.0005")
    container = session.engine.client.containers.create(
        images["base"], ["python3", "-u", "-c", code], log_config=config, network_mode="none", stop_signal="SIGKILL"
    )
    try:
        container.start()
        far = connected(f"unix://{relay.address}").client.containers.get(container.id)
        listener = Listener(logs.follow(far, stop))
        listener.heard(200)
        relay.cut()
        missed = max(listener.numbers())
        deadline = time.monotonic() + 60
        while int(logs.read_container(container)["n"].min()) < missed + 100 and time.monotonic() < deadline:
            time.sleep(0.2)
        relay.mend()
        listener.heard(len(listener.numbers()) + 200)
        numbers = listener.numbers()
        assert len(set(numbers)) == len(numbers) < max(numbers) + 1
        (gap,) = listener.gaps()
        assert "no longer" in gap.why
    finally:
        stop.set()
        container.remove(force=True)


class Flood:
    """A container that writes numbered lines faster than they are taken in, into small files which are rotated."""

    def __init__(self, session: Session, image: str) -> None:
        self._client, self._image = session.engine.client, image
        self.total = 150_000
        self.made: list[Any] = []

    def start(self, files: int, tty: bool = False) -> Any:
        """Start it; the engine keeps so many files of a megabyte."""
        config = docker.types.LogConfig(type="json-file", config={"max-size": "1m", "max-file": str(files)})
        code = MANY.replace("TOTAL", str(self.total)) + "    time.sleep(0.02)\ntime.sleep(2)"
        command = ["python3", "-u", "-c", f"import time{code}"]
        container = self._client.containers.create(
            self._image, command, log_config=config, network_mode="none", stop_signal="SIGKILL", tty=tty
        )
        self.made.append(container)
        container.start()
        return container

    def taken_in_slowly(
        self, following: Following, stop: threading.Event, after_first: Callable[[], object] = bool
    ) -> pd.DataFrame:
        """Number and time of every line until the last one, and the gaps, by a reader who does much with each frame."""
        frames: list[pd.DataFrame] = []
        gaps = []
        for frame in following:
            if not frames:
                after_first()
            frames.append(frame[["n", "received"]])
            gaps += frame.attrs["gaps"]
            if frame["n"].iloc[-1] == self.total - 1:
                stop.set()
            time.sleep(0.8)
        found = pd.concat(frames, ignore_index=True)
        found.attrs["gaps"] = gaps
        return found


@pytest.fixture
def flood(session: Session, images: dict[str, str]) -> Iterator[Flood]:
    """A flood, which is over at the end."""
    one = Flood(session, images["base"])
    yield one
    for container in one.made:
        container.remove(force=True)


@pytest.mark.alone
def test_a_slow_reader_of_a_fast_writer_loses_nothing(
    flood: Flood, stop: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the reader is busy, the rest waits on disk, not in the engine; no file is left of it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = flood.taken_in_slowly(logs.follow(flood.start(files=2), stop), stop)
    assert found["n"].tolist() == list(range(flood.total))
    assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == []


@pytest.mark.parametrize("tty", [False, True])
def test_what_the_engine_skips_is_asked_for_again(flood: Flood, stop: threading.Event, tty: bool) -> None:
    """The disk's share is small, so the engine has to wait, and skips files: each line comes once all the same."""
    found = flood.taken_in_slowly(logs.follow(flood.start(40, tty), stop, disk_bytes=65_536), stop)
    assert found["n"].tolist() == list(range(flood.total))
    assert found.attrs["gaps"] == []


def test_what_the_engine_skips_and_no_longer_has_is_a_gap(flood: Flood, stop: threading.Event) -> None:
    """Lines are missing, none comes twice, and there is a gap exactly where they are missing."""
    container = flood.start(2)
    found = flood.taken_in_slowly(logs.follow(container, stop, disk_bytes=65_536), stop, container.wait)
    last_before = found["n"].diff().shift(-1) > 1
    assert found["n"].is_monotonic_increasing
    assert found["n"].is_unique
    assert last_before.any()
    after = {gap.after_ns for gap in found.attrs["gaps"]}
    assert set(found.loc[last_before, "received"].astype("int64")) <= after


def test_drops_of_the_non_blocking_mode_are_counted_exactly(session: Session, images: dict[str, str]) -> None:
    """A small buffer and a flood: what is missing among the numbers is what was dropped, to the line."""
    total = 200_000
    config = docker.types.LogConfig(type="json-file", config={"mode": "non-blocking", "max-buffer-size": "64k"})
    container = session.engine.client.containers.create(
        images["base"],
        ["python3", "-c", MANY.replace("TOTAL", str(total))],
        log_config=config,
        network_mode="none",
        stop_signal="SIGKILL",
    )
    try:
        container.start()
        container.wait()
        kept = [json.loads(text)["n"] for text in container.logs().splitlines()]
        numbers = logs.read_container(container)["n"].tolist()
        assert numbers == kept == sorted(set(kept))
        places = [-1, *numbers, total]
        gaps = sum(after - before - 1 for before, after in itertools.pairwise(places))
        dropped = total - len(numbers)
        assert dropped == gaps
        assert 0 < dropped < total
    finally:
        container.remove(force=True)


def test_a_following_that_is_given_up_leaves_nothing_behind(start: Start) -> None:
    """The reader waits while nobody takes frames, and its thread ends when the following is closed."""
    running = start(MANY.replace("TOTAL", "500_000"))
    running.container.wait()
    following = logs.follow(running, threading.Event())
    first = next(following)
    assert 0 < len(first) < 500_000
    following.close()
    deadline = time.monotonic() + 20
    while any(one.name == "logs: follow" for one in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [one for one in threading.enumerate() if one.name == "logs: follow"]


def test_a_container_that_is_gone_is_one_sentence(start: Start) -> None:
    """Reading says so; following is over at once."""
    running = start("print('x')")
    running.container.wait()
    running.remove()
    with pytest.raises(WorkshopError, match="is gone"):
        logs.read_container(running)
    following = logs.follow(running, threading.Event())
    assert list(following) == []
    assert following.ended == "the container was removed"


def test_an_engine_that_is_restarted_is_survived(
    own_engine: object, images: dict[str, str], stop: threading.Event
) -> None:
    """The container dies with it, is started again after it, and every line of both runs comes once."""
    client = docker.DockerClient(base_url=own_engine.address, timeout=20)  # type: ignore[attr-defined]
    container = alone(client, images["base"], ["python3", "-u", "-c", COUNT_UP.replace("PAUSE", "0.01")])
    container.start()
    listener = Listener(logs.follow(container, stop))
    listener.heard(50)
    own_engine.stop()  # type: ignore[attr-defined]
    own_engine.start()  # type: ignore[attr-defined]
    container.start()
    listener.heard(len(listener.numbers()) + 100)
    container.kill()
    container.wait()
    written = [int(n) for n in logs.read_container(container)["n"]]
    listener.heard(len(written))
    assert sorted(listener.numbers()) == sorted(written)
    assert listener.gaps() == []
    container.remove(force=True)
    assert listener.end() == "the container was removed"
