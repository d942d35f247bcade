"""Load: sent on schedule, a row for every request, and only to containers of this workspace."""

from __future__ import annotations

import json
import time
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.faults.conftest import Shop
from workshop_kit.engine import containers
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults import load as loading
from workshop_kit.faults.injection import fault
from workshop_kit.faults.load import Plan, frame, load

ORDER = {"item": "tea", "quantity": 1}


@pytest.mark.engine
def test_the_rate_is_the_one_that_was_asked_for(shop: Shop) -> None:
    """As many rows as requests, evenly spaced, answered by a healthy shop."""
    with load(shop.stack, request="POST /orders", json=ORDER, rate_per_second=20, seconds=2) as sent:
        pass
    assert list(sent.requests.columns) == loading.COLUMNS
    assert len(sent.requests) == 40
    assert sent.requests["status"].isin([201, 503]).all()  # a disk that stalls may cost one its transaction
    good = int((sent.requests["status"] == 201).sum())
    assert good >= 35
    assert (sent.requests["error"] == "").all()
    gaps = sent.requests["time"].diff().dropna().dt.total_seconds()
    assert gaps.between(0.049, 0.051).all()
    assert sent.dropped == 0
    assert sent.cpu_percent > 0
    assert f"40 × POST /orders at 20/s: {good} good" in str(sent)


@pytest.mark.engine
def test_a_request_without_an_answer_is_a_row_with_a_reason(shop: Shop) -> None:
    """Requests stay on schedule meanwhile; such a row has no status, the reason, and how long it waited."""
    with load(shop.stack, request="GET /livez", rate_per_second=10, seconds=3, timeout_seconds=1) as sent:
        sent.running.wait_until(lambda: '"due"' in sent.running.log_tail(), what="send a request")
        with fault("pause", shop.stack, "service"):
            sent.running.wait_ended(within_seconds=60)
    unanswered = sent.requests[sent.requests["status"].isna()]
    assert len(sent.requests) == 30
    assert len(unanswered) >= 1
    assert unanswered["error"].str.len().gt(0).all()
    assert unanswered["seconds"].min() >= 0.9


@pytest.mark.engine
def test_a_request_that_was_cut_off_is_no_row(shop: Shop) -> None:
    """A request without an answer when the load ends is not lost: it is in no row."""
    with load(shop.stack, request="GET /livez", rate_per_second=20, seconds=60) as sent:
        sent.running.wait_until(lambda: '"due"' in sent.running.log_tail(), what="send a request")
        with fault("pause", shop.stack, "service"):
            time.sleep(0.5)  # some are under way then; fewer make the test weaker, not wrong
            sent.end()
    assert len(sent.requests) >= 1
    assert sent.requests["status"].notna().all(), sent.requests["error"].unique()


@pytest.mark.engine
def test_an_exception_ends_the_load(shop: Shop) -> None:
    """The generator is removed at once, not when its time is up."""
    with pytest.raises(ZeroDivisionError), load(shop.stack, request="GET /livez", seconds=300) as sent:
        raise ZeroDivisionError
    with pytest.raises(WorkshopError, match="is gone"):
        sent.running.inspect()


@pytest.mark.engine
def test_only_containers_of_this_workspace_are_loaded(shop: Shop, session: Session, images: dict[str, str]) -> None:
    """A container of another workspace is refused, and one without a port."""
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
    """No address: the host of the URL is always the target."""
    with pytest.raises(WrongUsage, match="is no method and path"):
        Plan(request_line)
    made = Plan("GET //example.org/@x:y").environment("http://service:8080")["LOAD"]
    assert json.loads(made)["url"] == "http://service:8080//example.org/@x:y"


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
