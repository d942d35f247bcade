"""Load: on schedule whatever the answers do, a row for every request, and never at anybody else."""

from __future__ import annotations

import json
import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workshop_kit.disturb.conftest import Shop
from workshop_kit.disturb import load as loading
from workshop_kit.disturb.faults import fault
from workshop_kit.disturb.load import RANGES, Plan, frame, load
from workshop_kit.engine import containers
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError, WrongUsage

ORDER = {"item": "tea", "quantity": 1}
NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(), st.booleans(), st.none(), st.text(max_size=3))


@pytest.mark.engine
def test_the_rate_is_the_one_that_was_asked_for(shop: Shop) -> None:
    """As many rows as requests, evenly spaced, answered by a healthy shop; the generator hardly works."""
    with load(shop.stack, request="POST /orders", json=ORDER, rate_per_second=20, seconds=5) as sent:
        pass
    assert list(sent.requests.columns) == loading.COLUMNS
    assert len(sent.requests) == 100
    assert sent.requests["status"].isin([201, 503]).all()  # a disk that stalls may cost one its transaction
    good = int((sent.requests["status"] == 201).sum())
    assert good >= 95
    assert (sent.requests["error"] == "").all()
    gaps = sent.requests["time"].diff().dropna().dt.total_seconds()
    assert gaps.between(0.049, 0.051).all()
    assert sent.dropped == 0
    assert 0 < sent.cpu_percent < 80
    assert f"100 × POST /orders at 20/s: {good} good" in str(sent)


@pytest.mark.engine
def test_a_paused_database_shows_in_status_and_time_and_slows_nobody_down(shop: Shop) -> None:
    """Requests go on being sent while nothing answers: none is missing, and the bad seconds are in the data."""
    with load(shop.stack, request="POST /orders", json=ORDER, rate_per_second=20, seconds=6) as sent:
        sent.running.wait_until(lambda: '"due"' in sent.running.log_tail(), what="send a request")
        time.sleep(1)
        with fault("pause", shop.stack, "master-db") as disturbance:
            time.sleep(2)
    assert len(sent.requests) == 120
    paused = sent.requests["time"].between(
        pd.Timestamp(disturbance.started), pd.Timestamp(disturbance.ended or disturbance.started)
    )
    assert paused.sum() >= 10
    assert (sent.requests[paused]["status"] == 503).any()
    assert sent.requests[paused]["seconds"].median() > 0.3
    assert sent.requests[~paused]["seconds"].median() < sent.requests[paused]["seconds"].median()


@pytest.mark.engine
def test_no_answer_is_a_row_with_a_reason(shop: Shop) -> None:
    """A service that is frozen or gone: no status, why, and how long the request waited."""
    with load(shop.stack, request="GET /livez", rate_per_second=5, seconds=4, timeout_seconds=1) as sent:
        sent.running.wait_until(lambda: '"due"' in sent.running.log_tail(), what="send a request")
        with fault("pause", shop.stack, "service"):
            sent.running.wait_ended(within_seconds=60)
    unanswered = sent.requests[sent.requests["status"].isna()]
    assert len(sent.requests) == 20
    assert len(unanswered) >= 5
    assert unanswered["error"].str.len().gt(0).all()
    assert unanswered["seconds"].between(0.9, 5).all()


@pytest.mark.engine
def test_a_generator_at_its_limit_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starved of CPU it cannot keep its schedule: late, and reported as such."""
    monkeypatch.setattr(loading, "CPUS", 0.1)
    with load(shop.stack, request="GET /livez", rate_per_second=200, seconds=2) as sent:
        pass
    assert sent.saturated


@pytest.mark.engine
def test_an_exception_ends_the_load(shop: Shop) -> None:
    """The generator is removed at once, not when its time is up."""
    started = time.monotonic()
    with pytest.raises(ZeroDivisionError), load(shop.stack, request="GET /livez", seconds=300) as sent:
        raise ZeroDivisionError
    assert time.monotonic() - started < 30
    with pytest.raises(WorkshopError, match="is gone"):
        sent.running.inspect()


@pytest.mark.engine
def test_only_our_own_containers_are_loaded(shop: Shop, session: Session, images: dict[str, str]) -> None:
    """A container of somebody else is refused; one of ours without a port is, too."""
    sleep = ("python3", "-c", "import time; time.sleep(60)")
    foreign = session.engine.client.containers.run(images["base"], sleep, detach=True, network_mode="none")
    try:
        with pytest.raises(WorkshopError, match="is not a container that this workspace made"):
            load(containers.Running(session, foreign), request="GET /")
    finally:
        foreign.remove(force=True)
    with (
        containers.run(session, Spec(images["base"], command=sleep)) as running,
        pytest.raises(WorkshopError, match="declares no port"),
    ):
        load(running, request="GET /")


@pytest.mark.parametrize(
    "request_line",
    ["http://example.org/", "GET http://example.org/", "GET @example.org", "FOO /", "GET /a b", "GET /\n", "", 3],
)
def test_a_request_is_a_method_and_a_path(request_line: Any) -> None:
    """No address: where it goes is the target's business."""
    with pytest.raises(WrongUsage, match="is no method and path"):
        Plan(request_line)


@given(st.text(max_size=40))
def test_whatever_path_is_taken_stays_with_the_target(path: str) -> None:
    """The host of every URL that is made is the target."""
    try:
        plan = Plan(f"GET {path}")
    except WrongUsage:
        return
    url = json.loads(plan.environment("http://service:8080")["LOAD"])["url"]
    assert url.startswith("http://service:8080/")


@given(st.sampled_from(sorted(RANGES)), NUMBERS)
def test_any_number_is_in_range_or_refused(name: str, value: Any) -> None:
    """Rate, duration and timeout are bounded, and so is their product."""
    fits = type(value) is int and value in RANGES[name]
    try:
        plan = Plan("GET /", **{name: value})
    except WrongUsage:
        assert not fits or value > 250
        return
    assert fits
    assert plan.requests <= loading.MOST_REQUESTS
    assert plan.at_once <= loading.MOST_AT_ONCE


def test_lines_become_rows_in_the_order_they_were_due() -> None:
    """Milliseconds to seconds, status 0 to missing; being late counts."""
    lines = [
        {"due": 2000.0, "late_ms": 0, "took_ms": 1000, "status": 0, "error": "request timeout"},
        {"due": 1000.0, "late_ms": 50, "took_ms": 150.5, "status": 404, "error": ""},
    ]
    found = frame(lines)
    assert found["seconds"].tolist() == [0.2005, 1.0]
    assert found["late_seconds"].tolist() == [0.05, 0.0]
    assert found["status"].tolist() == [404, pd.NA]
    assert found["error"].tolist() == ["", "request timeout"]
    assert found["time"][0] == pd.Timestamp(1, unit="s", tz="UTC")
    assert list(frame([]).columns) == loading.COLUMNS
