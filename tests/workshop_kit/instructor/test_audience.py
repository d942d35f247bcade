"""The countdown, the stopwatch of the demo, and what the audience is shown; with a clock that the test moves."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.instructor.audience import Countdown
from workshop_kit.instructor.script import DemoProgress, load_script


def test_a_countdown_counts_only_while_it_runs() -> None:
    """Started, paused, started again, set; below zero it says how far over time it is; idle until it is started."""
    seconds = [100.0]
    count = Countdown(1, lambda: seconds[0])
    seconds[0] += 50
    assert (count.seconds_left, count.runs, count.idle) == (60, False, True)
    count.start()
    seconds[0] += 20
    count.start()
    assert (count.seconds_left, count.runs, count.idle) == (40, True, False)
    count.pause()
    seconds[0] += 500
    assert (count.seconds_left, count.runs, count.idle) == (40, False, False)
    count.start()
    seconds[0] += 50
    assert count.seconds_left == -10
    with pytest.raises(WrongUsage, match="countdown takes up to 600 minutes"):
        count.set(float("nan"))
    count.set(2)
    assert (count.seconds_left, count.runs, count.idle) == (120, False, True)


def test_the_stopwatch_counts_the_demo_and_the_step() -> None:
    """The first action starts both; another step begins anew; a restart sets both to zero."""
    seconds = [100.0]
    demo = DemoProgress(load_script(), lambda: seconds[0])

    def shown() -> tuple[int, float | None, float | None]:
        state = demo.state()
        return state["number"], state["step_seconds"], state["demo_seconds"]

    assert shown() == (1, None, None)
    demo.start()
    seconds[0] += 50
    demo.start()
    assert shown() == (1, 50, 50)
    demo.done = True
    demo.choose(2)
    assert not demo.done
    seconds[0] += 20
    assert shown() == (2, 20, 70)
    with pytest.raises(WrongUsage, match="There is no step 99"):
        demo.choose(99)
    assert shown() == (2, 20, 70)
    demo.restart()
    assert shown() == (2, 0, 0)
