"""Reading and following lose no line, repeat none and join long ones: a simulated log, and real containers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from random import Random

import pandas as pd
import pytest

from tests.examples import example, given, settings, st
from tests.workshop_kit.observe.conftest import Start
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import logs
from workshop_kit.observe.engine_api import EngineUnavailable
from workshop_kit.observe.logs import Poller
from workshop_kit.observe.logs.lines import Message


class SimulatedLog:
    """A log in memory, with the engine's behavior."""

    def __init__(self, *, has_terminal: bool = False) -> None:
        self.has_terminal = has_terminal
        self.kept: list[Message] = []
        self.running = True
        self.breaks_off = False

    def messages(self, *, tail: int | None = None) -> Iterator[Message]:
        """The last ones, or all; or some, and then the engine is away."""
        asked = self.kept if tail is None else self.kept[-tail:]
        yield from asked[: len(asked) // 2] if self.breaks_off else asked
        if self.breaks_off:
            raise EngineUnavailable

    def is_running(self) -> bool:
        """As the test says."""
        return self.running

    def write(self, *texts: str, at: int = 0, stream: str = "stdout") -> None:
        """Messages that were received at a time, or at the same one."""
        self.kept += [Message(stream, f"2026-11-24T16:06:14.{at:09d}Z", text.encode()) for text in texts]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> SimulatedLog:
    """A simulated log in place of the engine's."""
    monkeypatch.setattr(logs, "EngineLog", lambda container: container)
    return SimulatedLog()


def texts(poller: Poller) -> list[str]:
    """What is new."""
    return [line.text for line in poller.poll()]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rounds=st.lists(st.integers(0, 400), min_size=1, max_size=8))
@example(seed=95155, rounds=[57, 400, 123, 261])  # both streams at one time, where the engine's answer begins
def test_poll_returns_each_line_once(seed: int, rounds: list[int]) -> None:
    """Identical lines with the same time, long lines, both streams."""
    random = Random(seed)
    log = SimulatedLog()
    written: list[tuple[str, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "EngineLog", lambda container: container)
        poller = Poller(log)
    polled_lines: list[tuple[str | None, str]] = []
    at = 0
    for count in rounds:
        for _ in range(count):
            at += random.choice((0, 0, 1))
            text = random.choice(("same", "same", f"line {at}", "x" * 40))
            stream = random.choice(("stdout", "stderr"))
            written.append((stream, text))
            pieces = (
                [text[start : start + 16] for start in range(0, len(text), 16)] if random.random() < 0.1 else [text]
            )
            log.write(*pieces[:-1], pieces[-1] + "\n", at=at, stream=stream)
        polled_lines += [(line.stream, line.text) for line in poller.poll()]
    for stream in ("stdout", "stderr"):
        assert [line for line in polled_lines if line[0] == stream] == [line for line in written if line[0] == stream]
    assert poller.gaps == []


def test_rotated_lines_are_a_gap(log: SimulatedLog) -> None:
    """The remaining lines are returned with a gap."""
    log.write("first\n", at=7)
    poller = Poller(log)
    assert texts(poller) == ["first"]
    log.kept.clear()
    assert texts(poller) == []
    log.write(*(f"{n}\n" for n in range(300)), at=8)
    assert len(poller.poll()) == 300
    assert len(poller.gaps) == 1


def test_a_line_without_an_end_waits_for_it(log: SimulatedLog) -> None:
    """It is returned once, after the container ends or a new run begins."""
    poller = Poller(log)
    log.write("half", at=1)
    assert texts(poller) == []
    assert texts(poller) == []
    log.write(" and half\n", at=1)
    assert texts(poller) == ["half and half"]
    log.write("killed", at=2)
    assert texts(poller) == []
    log.running = False
    assert texts(poller) == ["killed"]
    assert texts(poller) == []
    log.running = True
    log.write("cut", at=3)
    assert texts(poller) == []
    log.write("the next run\n", at=4)
    assert texts(poller) == ["cut", "the next run"]


def test_an_unfinished_line_of_a_terminal_is_returned_at_the_end(log: SimulatedLog) -> None:
    """It is not returned twice."""
    log.has_terminal = True
    poller = Poller(log)
    log.write("hello\r\n", at=1)
    log.write(">>> ", at=2)
    assert texts(poller) == ["hello"]
    log.kept[-1] = log.kept[-1]._replace(text=b">>> quit()\r\n")
    assert texts(poller) == [">>> quit()"]
    log.write("bye", at=3)
    assert texts(poller) == []
    assert [line.text for line in poller.end()] == ["bye"]


def test_an_engine_that_does_not_answer_costs_no_line(log: SimulatedLog) -> None:
    """Its answer breaks off in the middle: the next one has every line once."""
    follower = logs.LogFollower(log, threading.Event())
    raw_lines: list[str] = []
    for number, breaks_off in enumerate((False, True, True, False)):
        log.write(f"{number}\n", "same\n", at=number)
        log.breaks_off = breaks_off
        raw_lines += next(follower)["raw"].tolist()
    assert raw_lines == ["0", "same", "1", "same", "2", "same", "3", "same"]
    assert follower.ended == ""


# From here on: the real engine.

COUNT_UP = """
import json, sys, time
for n in range(10**9):
    print(json.dumps({"n": n, "msg": "line"}), file=sys.stderr if n % 3 == 0 else sys.stdout)
    time.sleep(0.002)
"""


def test_following_goes_on_after_restarts(start: Start) -> None:
    """Both runs, both streams, each line once, no gap; the removal ends it."""
    running = start(COUNT_UP)
    follower = logs.LogFollower(running.container, threading.Event())
    frames = list[pd.DataFrame]()

    def numbers() -> list[int]:
        filled = [frame for frame in frames if len(frame)]
        return [int(n) for frame in filled for n in frame["n"].dropna()]

    def follow(holds: Callable[[], bool]) -> None:
        while not holds():
            frames.append(next(follower))

    follow(lambda: len(numbers()) >= 100)
    running.container.restart(timeout=0)
    follow(lambda: numbers().count(0) == 2)
    running.container.kill()
    running.container.wait()
    written = [int(n) for n in logs.read_container(running)["n"]]
    follow(lambda: len(numbers()) >= len(written))
    assert sorted(numbers()) == sorted(written)
    assert [gap for frame in frames for gap in frame.attrs["gaps"]] == []
    running.remove()
    frames += follower
    assert follower.ended == "the container was removed"


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


def test_a_log_driver_without_reading_raises_one_sentence(start: Start) -> None:
    """It names the container, the reason and the remedy."""
    running = start("import time; time.sleep(600)", host={"LogConfig": {"Type": "none"}})
    with pytest.raises(WorkshopError, match=f"{running.name} cannot be read.*json-file"):
        logs.read_container(running)
