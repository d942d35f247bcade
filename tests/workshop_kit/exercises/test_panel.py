"""The panel without a page: what the buttons do, in which thread, and what is said. The clicks are in tests/browser."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.lessons.waiting import wait_until
from workshop_kit.display.rendered import Shown
from workshop_kit.exercises.exercise_service import Superseded
from workshop_kit.exercises.panel import ExerciseWidget, Panel
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Result, Verdict
from workshop_kit.progress import Report, Step

EXERCISE = Exercise(
    id="container.graceful",
    title="Make it stop in time",
    lesson="01_container",
    weight="core",
    task="Make it stop gracefully.",
    minutes=8,
    debrief_minutes=3,
    tracks=("full",),
    guidelines=("factor 9",),
    hints=("Who is PID 1?", "Who hears SIGTERM?", "Use exec."),
    file="service.py",
)


class Desk:
    """The smallest desk that has everything: it is wrong until it is right."""

    right = False
    checks = 0
    handled = 0  # saves that the panel has looked at
    wait_for: threading.Event | None = None
    fails: Exception | None = None
    path = "exercises/01_container/service.py"

    def __init__(self, folder: Path) -> None:
        self.file = folder / "service.py"
        self.file.write_text("starter")
        self.files = (self.file,)
        self.saved: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()
        self.waits = threading.Event()
        self.ended = False

    def save(self, text: str) -> None:
        """Save the file."""
        self.file.write_text(text)
        self.saved.put(frozenset({self.path}))

    def saves(self, stop: threading.Event) -> Iterator[frozenset[str]]:
        """What was saved."""
        while not stop.is_set():
            yield self.saved.get()
            self.handled += 1

    def lines(self) -> str:
        """Always the same."""
        return "lines 3–4"

    def end(self) -> None:
        """End the check that waits, if one does."""
        if self.wait_for is not None and self.waits.is_set():
            self.ended = True
            self.wait_for.set()

    def compare(self) -> tuple[str, str]:
        """Two lines, of which one differs."""
        return "same\nmine <b>\n", "same\nreference\n"

    def check(self, report: Report) -> Result:
        """Wait if told to, fail if told to, and say in which thread."""
        self.ended = False
        report(Step("Trying it", 0.5, "a container starts"))
        if self.wait_for is not None:
            self.waits.set()
            assert self.wait_for.wait(30)
        if self.ended:
            raise Superseded("ended")
        if self.fails:
            raise self.fails
        self.checks += 1
        name = threading.current_thread().name
        return Result(EXERCISE.id, Verdict.PASSED if self.right else Verdict.WRONG, f"In {name}.")

    def hint(self) -> tuple[str, ...]:
        """The first."""
        return EXERCISE.hints[:1]

    def solution(self, *, anyway: bool) -> str | None:
        """Locked until it passed."""
        return "answer = 42" if anyway or self.right else None

    def reset(self) -> str:
        """Back to nothing."""
        return "Reset."

    def board(self) -> Shown:
        """How many checks there were."""
        return Shown(f"<p>{self.checks} checks</p>", f"{self.checks} checks")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk where nothing was done."""
    return Desk(tmp_path)


@pytest.fixture
def panel(desk: Desk) -> Panel:
    """The panel of an exercise, shown."""
    panel = Panel(EXERCISE, desk)
    panel.show()
    return panel


def page(panel: Panel) -> ExerciseWidget:
    """What the browser has."""
    assert panel._widget is not None
    return panel._widget


def click(panel: Panel, what: object) -> None:
    """Do what a click does, and wait until it is answered and nothing runs."""
    before = page(panel).answered
    panel._clicked(None, {"do": what}, None)
    wait_until(lambda: page(panel).answered > before and not page(panel).doing)


def test_check_judges_in_a_thread_of_its_own(panel: Panel, desk: Desk) -> None:
    """A click starts the check and returns; the result, the state and the board follow."""
    click(panel, "check")
    assert "In check container.graceful." in page(panel).result
    assert "it is not right yet" in page(panel).result
    assert "1 checks" in page(panel).board
    assert "not right yet" in page(panel).head
    desk.right = True
    click(panel, "check")
    assert 'data-verdict="passed"' in page(panel).result
    assert panel.passed


def test_while_it_checks_the_page_is_told_and_hints_answer(panel: Panel, desk: Desk) -> None:
    """Progress and seconds reach the page, a hint comes meanwhile, and a second click starts no second check."""
    desk.wait_for = threading.Event()
    panel._clicked(None, {"do": "check"}, None)
    wait_until(lambda: page(panel).doing == "Trying it: a container starts" and page(panel).fraction == 0.5)
    panel._clicked(None, {"do": "check"}, None)
    click_hint = page(panel).answered
    panel._clicked(None, {"do": "hint"}, None)
    assert page(panel).answered == click_hint + 1
    assert "Who is PID 1?" in page(panel).hints[0]
    wait_until(lambda: page(panel).seconds >= 1)
    desk.wait_for.set()
    wait_until(lambda: page(panel).doing == "")
    assert desk.checks == 1


def test_the_solution_is_asked_for_twice(panel: Panel, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is locked the page is told to ask; "show me anyway" shows it; whoever passed is not asked."""
    asked: list[object] = []
    monkeypatch.setattr(page(panel), "send", asked.append)
    click(panel, "solution")
    assert (asked, page(panel).solution) == ([{"ask": "solution"}], "")
    click(panel, "anyway")
    assert "answer = 42" in page(panel).solution
    click(panel, "reset")
    desk.right = True
    click(panel, "solution")
    assert len(asked) == 1
    assert "answer = 42" in page(panel).solution


def test_the_panel_says_which_lines_to_edit(panel: Panel) -> None:
    """The file's name and the lines of the region, as they are in the participant's file."""
    assert page(panel).place == "lines 3–4 of service.py"


def test_after_a_pass_it_compares(panel: Panel, desk: Desk) -> None:
    """The participant's text beside the reference's, the lines marked that only one of them has; a reset ends it."""
    desk.right = True
    click(panel, "check")
    assert page(panel).passed
    click(panel, "compare")
    assert "same\n<mark>mine &lt;b&gt;</mark></pre>" in page(panel).solution
    assert "<mark>reference</mark>" in page(panel).solution
    assert "Yours:\nsame\nmine <b>" in panel.page().text
    click(panel, "reset")
    assert page(panel).solution == ""


def switch(panel: Panel, *, on: bool) -> None:
    """Turn "Check on save"."""
    panel._clicked(None, {"do": "on_save", "on": on}, None)
    assert page(panel).on_save is on


def test_a_save_is_checked_while_the_switch_is_on(panel: Panel, desk: Desk) -> None:
    """A text that was checked already is not checked again, and none is once the switch is off."""
    switch(panel, on=True)
    desk.save("first")
    wait_until(lambda: desk.checks == 1 and not page(panel).doing)
    click(panel, "check")  # which saves first
    desk.save("first")
    wait_until(lambda: desk.handled == 2)
    desk.save("second")
    wait_until(lambda: desk.checks == 3 and not page(panel).doing)
    switch(panel, on=False)


def test_a_newer_save_ends_the_check_that_runs(panel: Panel, desk: Desk) -> None:
    """What the older ones would have found is shown nowhere; the newest text is checked."""
    desk.wait_for = threading.Event()
    switch(panel, on=True)
    desk.save("first")
    assert desk.waits.wait(30)
    desk.save("second")
    wait_until(lambda: desk.checks == 1 and not page(panel).doing)
    assert panel._checked == (b"second",)


def test_of_other_errors_the_page_gets_the_kind_only(panel: Panel, desk: Desk) -> None:
    """Their words may hold a secret; who looks for the cause finds the error itself."""
    desk.fails = KeyError("s3cret")
    click(panel, "check")
    assert "(KeyError)" in page(panel).problem
    assert "s3cret" not in str(page(panel).get_state()) + panel.page().html
    assert panel.failure is desk.fails


def test_headless_shows_the_page_alone(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody can click there is no widget: the text says what the exercise is."""
    panel = Panel(EXERCISE, desk, headless=True)
    panel.show()
    assert panel._widget is None
    assert "Make it stop in time" in capsys.readouterr().out
