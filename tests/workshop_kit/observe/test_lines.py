"""Following a real container's log, whatever it writes and however it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import docker
import pytest

from tests.workshop_kit.observe.conftest import Listener, Start
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import lines, logs

pytestmark = pytest.mark.engine


def test_both_streams_with_their_times(start: Start) -> None:
    """Each line knows its stream and when the engine got it; an empty line and a last one without end are lines."""
    began = datetime.now(tz=UTC)
    running = start(
        "import sys; print('out'); print(); print('err', file=sys.stderr); sys.stdout.write('né\\x85\\u2028t')"
    )
    running.container.wait()
    found = lines.read(running)
    assert [line.text for line in found if line.stream == "stdout"] == ["out", "", "né\x85\u2028t"]
    assert [line.text for line in found if line.stream == "stderr"] == ["err"]
    for line in found:
        assert line.time is not None
        assert began - timedelta(seconds=5) < line.time < began + timedelta(seconds=60)


def test_a_megabyte_is_one_line(start: Start) -> None:
    """The engine's 16 KiB parts are joined, also where they cut a character."""
    code = "print('first'); print('a' + '€' * 349_525); print('x' * 2**20); print('last')"
    running = start(code)
    running.container.wait()
    first, euros, plain, last = lines.read(running)
    assert (first.text, last.text) == ("first", "last")
    assert plain.text == "x" * 2**20
    # The engine cuts at bytes and stores the halves of a character as U+FFFD: said, not hidden.
    assert euros.replaced > 0
    assert euros.text.count("€") > 349_000


def test_since_leaves_out_what_came_before(start: Start) -> None:
    """By a time with a zone or by seconds; a time without a zone could mean anything and is refused."""
    running = start("import time; print('early'); time.sleep(0.4); print('late')")
    running.container.wait()
    early, late = lines.read(running)
    assert early.time is not None
    middle = early.time + timedelta(seconds=0.2)
    assert lines.read(running, since=middle) == [late]
    assert lines.read(running, since=middle.timestamp()) == [late]
    with pytest.raises(WrongUsage, match="time zone"):
        lines.read(running, since=datetime(2026, 1, 1))


def test_following_ends_with_the_container(start: Start) -> None:
    """Past and present come as one; the end says the exit code."""
    running = start("import time\nfor n in range(5): print(n); time.sleep(0.1)\nraise SystemExit(3)")
    listener = Listener(lines.follow(running, threading.Event()))
    assert listener.end() == "the container exited with code 3"
    assert [line.text for line in listener.items] == ["0", "1", "2", "3", "4"]


def test_following_ends_when_told(start: Start) -> None:
    """Also while the container says nothing: the reader is not stuck in its read."""
    running = start("import time; print('only'); time.sleep(600)")
    stop = threading.Event()
    listener = Listener(lines.follow(running, stop))
    listener.wait_for(lambda: [line.text for line in listener.items] == ["only"])
    assert listener.following.ended == ""
    stop.set()
    assert listener.end() == "following was stopped"


def test_a_log_that_cannot_be_read_is_one_sentence(session: Session, images: dict[str, str]) -> None:
    """A container that logs nowhere: which one, why, and what to do."""
    config = docker.types.LogConfig(type="none")
    container = session.engine.client.containers.create(
        images["base"], ["sleep", "600"], log_config=config, stop_signal="SIGKILL"
    )
    try:
        container.start()
        with pytest.raises(WorkshopError, match="cannot be read") as caught:
            lines.read(container)
        assert container.name in caught.value.what
        assert "json-file" in caught.value.next_step
        with pytest.raises(WorkshopError, match="cannot be read"):
            next(lines.follow(container, threading.Event()))
    finally:
        container.remove(force=True)


@pytest.mark.parametrize("reader", [lines.read, logs.read_container])
def test_what_is_no_container_is_one_sentence(reader: Callable[..., object]) -> None:
    """A name, or a stack, has no log: what was given, and what to give instead."""
    with pytest.raises(WrongUsage, match="'service' is of type str") as caught:
        reader("service")
    assert "container" in caught.value.next_step
