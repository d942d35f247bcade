"""Cached values and jobs of the desk, without an engine."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from docker.errors import DockerException

from workshop_kit.errors import WorkshopError
from workshop_kit.instructor.background import BackgroundJob, JobState, TTLCache
from workshop_kit.progress import Report, Step


def test_a_value_is_made_once_in_its_time_to_live() -> None:
    """However many threads ask; an error is raised to the asker and not cached."""
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        if len(made) == 1:
            raise WorkshopError("Not yet.")
        return made[-1]

    cache = TTLCache(60, make)
    with pytest.raises(WorkshopError, match="Not yet"):
        cache.get()
    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(lambda _: cache.get(), range(40))) == {1}
    assert made == [0, 1]
    short = TTLCache(0, make)
    assert [short.get(), short.get()] == [2, 3]


def test_one_job_runs_at_a_time_and_ends_in_a_sentence() -> None:
    """A second job is refused meanwhile; an engine that is away is the problem's sentence."""
    job, go_on = BackgroundJob(), threading.Event()

    def fail(report: Report) -> str:
        report(Step("Pull", 0.5, "half"))
        assert go_on.wait(20)
        raise DockerException("connection refused")

    job.start("To 04", fail)
    with pytest.raises(WorkshopError, match="A checkpoint job is running"):
        job.start("To 05", fail)
    go_on.set()
    job.wait(20)
    assert job.state is not None
    assert (job.state.runs, job.state.problem.startswith("The Docker engine does not answer")) == (False, True)
    job.start("To 05", lambda _: "It is there.")
    job.wait(20)
    assert job.state == JobState("To 05", fraction=1.0, runs=False, outcome="It is there.")
