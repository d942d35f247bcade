"""Long work behind a button, without a page: its thread, its words, and its end. The clicks are in tests/browser."""

from __future__ import annotations

import threading

import pytest

from tests.workshop_kit.lessons.waiting import wait_until
from workshop_kit.display.rendered import Shown
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.widget_job import Job, JobWidget
from workshop_kit.progress import Report, Step


@pytest.fixture
def job() -> Job:
    """A job whose page never changes."""
    job = Job(JobWidget(), lambda: Shown("<p>page</p>", "page"))
    job.show()
    return job


def test_it_works_in_a_thread_and_tells_the_end(job: Job) -> None:
    """The page hears what the work is at, and at its end one text and that the click is answered."""
    go_on = threading.Event()

    def work(report: Report) -> str:
        report(Step("Boiling", 0.5, "water"))
        assert go_on.wait(30)
        return threading.current_thread().name

    job.start("tea", work)
    wait_until(lambda: job.widget.doing == "Boiling: water")
    assert (job.widget.fraction, job.widget.answered) == (0.5, 0)
    go_on.set()
    wait_until(lambda: job.widget.answered == 1)
    assert (job.widget.notice, job.widget.doing, job.widget.page) == ("tea", "", "<p>page</p>")


def test_what_the_user_can_mend_is_said(job: Job) -> None:
    """A WorkshopError is shown as its sentence with the last lines of what failed, and the next click works."""

    def refuse(_: Report) -> str:
        raise WorkshopError("The pot is empty.", "Fill it.", output="one\ntwo\nthree\nfour")

    job.run(refuse)
    assert job.widget.problem == "The pot is empty. Fill it.\ntwo\nthree\nfour"
    job.run(lambda _: "filled")
    assert (job.widget.problem, job.widget.notice) == ("", "filled")
