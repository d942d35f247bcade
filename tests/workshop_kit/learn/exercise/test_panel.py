"""The panel without a page: what the buttons do, in which thread, and what is said. The clicks are in tests/browser."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from tests.workshop_kit.learn.waiting import wait_until
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise.panel import ExerciseWidget, Panel
from workshop_kit.learn.exercise.registry import Exercise
from workshop_kit.learn.exercise.result import Finding, Result, Verdict
from workshop_kit.progress import Report, Step
from workshop_kit.show.shown import Shown

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


@dataclass
class Desk:
    """The smallest desk that has everything: a number to guess, in memory."""

    answer: int = 0
    shown: int = 0
    checks: int = 0
    wait_for: threading.Event | None = None
    fails: Exception | None = None
    seen: list[str] = field(default_factory=list)

    def check(self, report: Report) -> Result:
        """Pass at 42."""
        report(Step("Trying it", 0.5, "a container starts"))
        if self.wait_for is not None:
            assert self.wait_for.wait(30)
        if self.fails:
            raise self.fails
        self.checks += 1
        self.seen.append(threading.current_thread().name)
        good = self.answer == 42
        finding = Finding(good, "GET /answer", str(self.answer), "42", means="The answer is off.")
        return Result(EXERCISE.id, Verdict.PASSED if good else Verdict.WRONG, "It answered.", (finding,), 0.1)

    def hint(self) -> tuple[str, ...]:
        """One more."""
        self.shown = min(self.shown + 1, len(EXERCISE.hints))
        return EXERCISE.hints[: self.shown]

    def solution(self, *, anyway: bool) -> str | None:
        """Locked until it passed."""
        return "answer = 42" if anyway or self.answer == 42 else None

    def reset(self) -> str:
        """Back to nothing."""
        self.answer = 0
        return "service.py is as it was given; yours is kept as service.mine.py."

    def board(self) -> Shown:
        """How many checks there were."""
        return Shown(f"<p>{self.checks} checks</p>", f"{self.checks} checks")


@pytest.fixture
def desk() -> Desk:
    """A desk where nothing was done."""
    return Desk()


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
    assert desk.seen == ["check container.graceful"]
    assert "it is not right yet" in page(panel).result
    assert "1 checks" in page(panel).board
    assert "not right yet" in page(panel).head
    desk.answer = 42
    click(panel, "check")
    assert 'data-verdict="passed"' in page(panel).result
    assert panel.passed


def test_once_passed_it_stays_passed(panel: Panel, desk: Desk) -> None:
    """Whoever breaks it again sees that, and after a reset that it had passed."""
    desk.answer = 42
    click(panel, "check")
    desk.answer = 1
    click(panel, "check")
    assert "not right yet" in page(panel).head
    click(panel, "reset")
    assert "passed earlier" in page(panel).head
    assert page(panel).result == ""


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


def test_hints_come_one_by_one(panel: Panel) -> None:
    """Each click shows one more; the page counts them."""
    for number in (1, 2, 3):
        click(panel, "hint")
        assert len(page(panel).hints) == number
        assert f"Hint {number} of 3" in page(panel).hints[-1]


def test_the_solution_is_asked_for_twice(panel: Panel, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is locked the page is told to ask; "show me anyway" shows it; whoever passed is not asked."""
    asked: list[object] = []
    monkeypatch.setattr(page(panel), "send", asked.append)
    click(panel, "solution")
    assert (asked, page(panel).solution) == ([{"ask": "solution"}], "")
    click(panel, "anyway")
    assert "answer = 42" in page(panel).solution
    click(panel, "reset")
    desk.answer = 42
    click(panel, "solution")
    assert len(asked) == 1
    assert "answer = 42" in page(panel).solution


def test_reset_says_where_the_old_text_is(panel: Panel) -> None:
    """The desk's sentence is on the page until something else is done."""
    click(panel, "reset")
    assert page(panel).notice.endswith("yours is kept as service.mine.py.")
    click(panel, "hint")
    assert page(panel).notice == ""


def test_what_a_user_can_mend_is_said(panel: Panel, desk: Desk) -> None:
    """An error of ours is its sentence; afterwards the next check works."""
    desk.fails = WorkshopError("The engine does not answer.", "Run ./workshop doctor.")
    click(panel, "check")
    assert page(panel).problem == "The engine does not answer. Run ./workshop doctor."
    desk.fails = None
    click(panel, "check")
    assert page(panel).problem == ""
    assert "It answered." in page(panel).result


def test_of_other_errors_the_page_gets_the_kind_only(panel: Panel, desk: Desk) -> None:
    """Their words may hold a secret; who looks for the cause finds the error itself."""
    desk.fails = KeyError("s3cret")
    click(panel, "check")
    assert "(KeyError)" in page(panel).problem
    assert "s3cret" not in str(page(panel).get_state()) + panel.page().html
    assert panel.failure is desk.fails


@pytest.mark.parametrize("message", [{}, {"hello": True}, {"do": None}, {"do": ["check"]}, {"do": "explode"}])
def test_other_messages_do_nothing(panel: Panel, message: dict[str, object]) -> None:
    """Only what a button sends is answered; whatever else a page sends is let be."""
    before = page(panel).get_state()
    panel._clicked(None, message, None)
    assert page(panel).get_state() == before


def test_clicks_of_many_threads_all_count(panel: Panel) -> None:
    """Two answers at the same moment are two changes for the page: neither waits for ever."""
    before = page(panel).answered
    threads = [threading.Thread(target=panel._clicked, args=(None, {"do": "hint"}, None)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert page(panel).answered == before + 20


def test_the_file_is_named_as_jupyterlab_knows_it(desk: Desk) -> None:
    """Relative to the workspace; a notebook's own exercise has no file to open."""
    assert Panel(EXERCISE, desk).path == "exercises/01_container/service.py"
    in_the_notebook = Exercise(**{**vars(EXERCISE), "file": None})
    assert Panel(in_the_notebook, desk).path == ""


def test_headless_shows_the_page_alone(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody can click there is no widget: the text says what the exercise is."""
    panel = Panel(EXERCISE, desk, headless=True)
    panel.show()
    assert panel._widget is None
    assert "Make it stop in time" in capsys.readouterr().out
