"""Reading and following lose no line, repeat none and join long ones: a simulated log, and real containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pandas as pd
import pytest

from tests.examples import example, given, settings, st
from tests.workshop_kit.observe.conftest import Start
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.observe import logs
from workshop_kit.observe.engine_api import EngineUnavailable
from workshop_kit.observe.logs import LogFollower
from workshop_kit.observe.logs import follower as follower_module
from workshop_kit.observe.logs.follower import MISSING
from workshop_kit.observe.logs.lines import Message
from workshop_kit.patience import wait_for


class SimulatedLog:
    """A log in memory, with the engine's behavior."""

    def __init__(self) -> None:
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
    monkeypatch.setattr(follower_module, "EngineLog", lambda container: container)
    return SimulatedLog()


def texts(follower: LogFollower) -> list[str]:
    """What is new."""
    new_texts: list[str] = follower.poll()["raw"].tolist()
    return new_texts


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rounds=st.lists(st.integers(0, 400), min_size=1, max_size=8))
@example(seed=95155, rounds=[57, 400, 123, 261])  # both streams at one time, where the engine's answer begins
def test_poll_returns_each_line_once(seed: int, rounds: list[int]) -> None:
    """Identical lines with the same time, long lines, both streams."""
    random = Random(seed)
    log = SimulatedLog()
    written: list[tuple[str, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follower_module, "EngineLog", lambda container: container)
        follower = LogFollower(log)
    polled_lines: list[tuple[str, str]] = []
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
        frame = follower.poll()
        assert (frame["reason"] == "plain text").all()
        polled_lines += zip(frame["stream"], frame["raw"], strict=True)
    for stream in ("stdout", "stderr"):
        assert [line for line in polled_lines if line[0] == stream] == [line for line in written if line[0] == stream]


def test_a_row_tells_of_lines_that_the_engine_has_lost(log: SimulatedLog) -> None:
    """It stands before the remaining lines."""
    log.write("first\n", at=7)
    follower = LogFollower(log)
    assert texts(follower) == ["first"]
    log.kept.clear()
    assert texts(follower) == []
    log.write(*(f"line {n}\n" for n in range(300)), at=8)
    reasons = follower.poll()["reason"].tolist()
    assert reasons == [MISSING, *["plain text"] * 300]


def test_a_line_without_an_end_waits_for_it(log: SimulatedLog) -> None:
    """It is returned once, after the container ends or a new run begins."""
    follower = LogFollower(log)
    log.write("half", at=1)
    assert texts(follower) == []
    assert texts(follower) == []
    log.write(" and half\n", at=1)
    assert texts(follower) == ["half and half"]
    log.write("killed", at=2)
    assert texts(follower) == []
    log.running = False
    assert texts(follower) == ["killed"]
    assert texts(follower) == []
    log.running = True
    log.write("cut", at=3)
    assert texts(follower) == []
    log.write("the next run\n", at=4)
    assert texts(follower) == ["cut", "the next run"]


def test_an_engine_that_does_not_answer_costs_no_line(log: SimulatedLog) -> None:
    """Its answer breaks off in the middle: the next one has every line once."""
    follower = LogFollower(log)
    raw_lines: list[str] = []
    for number, breaks_off in enumerate((False, True, True, False)):
        log.write(f"line {number}\n", "same\n", at=number)
        log.breaks_off = breaks_off
        raw_lines += texts(follower)
    assert raw_lines == ["line 0", "same", "line 1", "same", "line 2", "same", "line 3", "same"]
    assert not follower.has_ended


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
    follower = LogFollower(running.container)
    frames = list[pd.DataFrame]()

    def numbers() -> list[int]:
        filled = [frame for frame in frames if len(frame)]
        return [int(n) for frame in filled for n in frame["n"].dropna()]

    def follow(holds: Callable[[], bool]) -> None:
        def has_followed() -> bool:
            frames.append(follower.poll())
            return holds()

        assert wait_for(has_followed, 60)

    follow(lambda: len(numbers()) >= 100)
    running.container.restart(timeout=0)
    follow(lambda: numbers().count(0) == 2)
    running.container.kill()
    running.container.wait()
    written = [int(n) for n in logs.read_container(running)["n"]]
    follow(lambda: len(numbers()) >= len(written))
    assert sorted(numbers()) == sorted(written)
    assert not any((frame["reason"] == MISSING).any() for frame in frames)
    running.remove()
    assert follower.poll().empty
    assert follower.has_ended


def test_a_removed_container_or_another_type_raises_one_sentence(start: Start) -> None:
    """Reading raises; following ends at once."""
    running = start("print('x')")
    running.container.wait()
    running.remove()
    with pytest.raises(WorkshopError, match="is gone"):
        logs.read_container(running)
    follower = LogFollower(running)
    assert follower.poll().empty
    assert follower.has_ended
    with pytest.raises(WrongUsage, match="'service' is of type str"):
        logs.read_container("service")


def test_a_log_driver_without_reading_raises_one_sentence(start: Start) -> None:
    """It names the container, the reason and the remedy."""
    running = start("import time; time.sleep(600)", more={"log_config": {"Type": "none"}})
    with pytest.raises(WorkshopError, match=f"{running.name} cannot be read.*json-file"):
        logs.read_container(running)
