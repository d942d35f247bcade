"""The panel without a page: the work of its buttons, its threads and its words. The clicks are in tests/browser."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workshop_kit.lessons.waiting import wait_until
from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WorkshopError
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


class FakeService:
    """Exercises whose check is wrong until ``right`` is set."""

    right = False
    checks = 0
    handled = 0  # saves that the panel has looked at
    wait_for: threading.Event | None = None
    fails: Exception | None = None

    def __init__(self, folder: Path) -> None:
        self.file = folder / "service.py"
        self.file.write_text("starter")
        self.saved: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()
        self.waits = threading.Event()
        self.ended = False

    def save(self, text: str) -> None:
        """Save the file."""
        self.file.write_text(text)
        self.saved.put(frozenset({EXERCISE.path}))

    def files(self, identifier: str) -> tuple[Path, ...]:
        """The file to edit."""
        return (self.file,)

    def saves(self, identifier: str, stop: threading.Event) -> Iterator[frozenset[str]]:
        """Yield the saves."""
        while not stop.is_set():
            yield self.saved.get()
            self.handled += 1

    def lines(self, identifier: str) -> str:
        """Always the same."""
        return "lines 3–4"

    def stop_check(self, identifier: str) -> None:
        """End the check that waits, if one does."""
        if self.wait_for is not None and self.waits.is_set():
            self.ended = True
            self.wait_for.set()

    def compare(self, identifier: str) -> tuple[str, str]:
        """Two lines, of which one differs."""
        return "same\nmine <b>\n", "same\nreference\n"

    def check(self, identifier: str, report: Report) -> Result:
        """Wait for ``wait_for``, raise ``fails``, and name the thread."""
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

    def hint(self, identifier: str) -> tuple[str, ...]:
        """The first."""
        return EXERCISE.hints[:1]

    def solution(self, identifier: str, *, anyway: bool) -> str | None:
        """Locked until it passed."""
        return "answer = 42" if anyway or self.right else None

    def reset(self, identifier: str) -> str:
        """Back to nothing."""
        return "Reset."

    def board(self, lesson: str) -> Rendered:
        """How many checks there were."""
        return Rendered(f"<p>{self.checks} checks</p>", f"{self.checks} checks")


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    """An exercise that was not checked yet."""
    return FakeService(tmp_path)


@pytest.fixture
def panel(service: FakeService) -> Panel:
    """The panel of an exercise, shown."""
    panel = Panel(EXERCISE, service)  # type: ignore[arg-type]
    panel.show()
    return panel


def page(panel: Panel) -> ExerciseWidget:
    """Return the widget."""
    assert panel.job is not None
    assert isinstance(panel.job.widget, ExerciseWidget)
    return panel.job.widget


def click(panel: Panel, what: object) -> None:
    """Do what a click does, and wait until it is answered and nothing runs."""
    before = page(panel).answered
    panel._clicked(None, {"do": what}, None)
    wait_until(lambda: page(panel).answered > before and not page(panel).doing)


def test_a_check_runs_in_its_own_thread(panel: Panel, service: FakeService) -> None:
    """A click starts the check and returns; the result, the state and the board follow."""
    click(panel, "check")
    assert "In check container.graceful." in page(panel).result
    assert "it is not right yet" in page(panel).result
    assert "1 checks" in page(panel).board
    assert "not right yet" in page(panel).head
    service.right = True
    click(panel, "check")
    assert 'data-verdict="passed"' in page(panel).result
    assert panel.passed


def test_progress_is_shown_and_hints_answer_during_a_check(panel: Panel, service: FakeService) -> None:
    """Progress and seconds reach the page, a hint comes meanwhile, and a second click starts no second check."""
    service.wait_for = threading.Event()
    panel._clicked(None, {"do": "check"}, None)
    wait_until(lambda: page(panel).doing == "Trying it: a container starts" and page(panel).fraction == 0.5)
    panel._clicked(None, {"do": "check"}, None)
    click_hint = page(panel).answered
    panel._clicked(None, {"do": "hint"}, None)
    assert page(panel).answered == click_hint + 1
    assert "Who is PID 1?" in page(panel).hints[0]
    wait_until(lambda: page(panel).seconds >= 1)
    service.wait_for.set()
    wait_until(lambda: page(panel).doing == "")
    assert service.checks == 1


def test_the_solution_needs_a_second_click(panel: Panel, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is locked the page asks first; "show me anyway" shows it; after a pass it comes at once."""
    asked: list[object] = []
    monkeypatch.setattr(page(panel), "send", asked.append)
    click(panel, "solution")
    assert (asked, page(panel).solution) == ([{"ask": "solution"}], "")
    click(panel, "anyway")
    assert "answer = 42" in page(panel).solution
    click(panel, "reset")
    service.right = True
    click(panel, "solution")
    assert len(asked) == 1
    assert "answer = 42" in page(panel).solution


def test_the_panel_names_the_lines_to_edit(panel: Panel) -> None:
    """The file's name and the lines of the region, as they are in the participant's file."""
    assert page(panel).place == "lines 3–4 of service.py"


def test_after_a_pass_the_texts_are_compared(panel: Panel, service: FakeService) -> None:
    """The participant's text is beside the reference's with the differing lines marked, until a reset."""
    service.right = True
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


def test_a_save_is_checked_while_the_switch_is_on(panel: Panel, service: FakeService) -> None:
    """A text that was checked already is not checked again, and none is once the switch is off."""
    switch(panel, on=True)
    service.save("first")
    wait_until(lambda: service.checks == 1 and not page(panel).doing)
    click(panel, "check")  # which saves first
    service.save("first")
    wait_until(lambda: service.handled == 2)
    service.save("second")
    wait_until(lambda: service.checks == 3 and not page(panel).doing)
    switch(panel, on=False)


def test_a_newer_save_ends_the_check_that_runs(panel: Panel, service: FakeService) -> None:
    """The results of the older checks are dropped; the newest text is checked."""
    service.wait_for = threading.Event()
    switch(panel, on=True)
    service.save("first")
    assert service.waits.wait(30)
    service.save("second")
    wait_until(lambda: service.checks == 1 and not page(panel).doing)
    assert panel._checked_files == (b"second",)


def test_an_error_that_the_user_can_mend_is_a_sentence(panel: Panel, service: FakeService) -> None:
    """The page shows a WorkshopError with the last lines of the failed command, and the next check works."""
    service.fails = WorkshopError("The pot is empty.", "Fill it.", output="one\ntwo\nthree\n\x1b[2Jfour")
    click(panel, "check")
    assert page(panel).problem == "The pot is empty. Fill it.\ntwo\nthree\n\\x1b[2Jfour"
    service.fails = None
    click(panel, "check")
    assert page(panel).problem == ""


def test_of_other_errors_the_page_gets_the_type_only(panel: Panel, service: FakeService) -> None:
    """The text of an error may hold a secret; the error itself stays in the kernel."""
    service.fails = KeyError("s3cret")
    click(panel, "check")
    assert "(KeyError)" in page(panel).problem
    assert "s3cret" not in str(page(panel).get_state()) + panel.page().html
    assert panel.job is not None
    assert panel.job.failure is service.fails


def test_headless_shows_the_page_alone(service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    """A headless run has no widget; the text has the exercise."""
    panel = Panel(EXERCISE, service, headless=True)  # type: ignore[arg-type]
    panel.show()
    assert panel.job is None
    assert "Make it stop in time" in capsys.readouterr().out
