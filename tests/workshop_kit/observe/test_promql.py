"""PromQL from a notebook: against a real Prometheus that watches itself and a few who are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError
from workshop_kit.observe import promql

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def prometheus(session: Session, images: dict[str, str]) -> Iterator[Running]:
    """The stack's Prometheus, alone: everybody that it asks is missing. Two alerts fire soon."""
    spec = Spec(images["prometheus"], command=("prometheus",), ports=(9090,), tmpfs={"/tmp": "size=64m,mode=1777"})
    with containers.run(session, spec) as running:
        running.wait_ready("/-/ready", port=9090)
        yield running


@pytest.fixture(scope="module")
def url(prometheus: Running) -> str:
    """Where it answers."""
    return prometheus.url(9090)


@pytest.fixture(scope="module")
def asked(prometheus: Running, url: str) -> str:
    """Where it answers, once it has asked every target."""
    prometheus.wait_until(
        lambda: set(promql.targets(url)["health"]) == {"down"}, within_seconds=60, what="ask every target"
    )
    return url


@pytest.mark.long
def test_instant_query_is_a_typed_table(asked: str) -> None:
    """A row for each series: time in UTC, the metric's name, a text column for each label, the value as a float."""
    frame = promql.query(asked, "up")
    assert list(frame.columns) == ["time", "metric", "instance", "job", "probe", "value"]
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "time": "datetime64[us, UTC]",
        "metric": "str",
        "instance": "str",
        "job": "str",
        "probe": "str",
        "value": "float64",
    }
    assert set(frame["metric"]) == {"up"}
    assert {"service", "agent", "outside", "mysqld", "redis"} == set(frame["job"])
    assert set(frame.loc[frame["job"] == "outside", "probe"]) == {"livez", "health"}
    assert set(frame.loc[frame["job"] == "agent", "probe"]) == {""}
    assert (frame["value"] == 0).all()


@pytest.mark.parametrize(
    ("query", "line", "column", "reason"),
    [
        ("sum(rate(up[1m])", 1, 17, "unclosed left parenthesis"),
        ("rate(up)", 1, 6, "expected type range vector"),
        ("sum by (job)\n (up{)", 2, 6, "unexpected"),
    ],
)
def test_mistake_is_said_with_its_place(url: str, query: str, line: int, column: int, reason: str) -> None:
    """A query that Prometheus does not accept: its own words, where it went wrong, and a mark below the place."""
    with pytest.raises(promql.PromQLMistake) as caught:
        promql.query(url, query)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in str(caught.value)
    text, mark = caught.value.output.split("\n")
    assert text == query.split("\n")[line - 1]
    assert mark.index("^") == column - 1


def test_range_has_a_row_for_each_step(url: str) -> None:
    """Steps are where they were asked for, and the times are those of the steps."""
    end = datetime.now(UTC).replace(microsecond=0)
    frame = promql.query_range(url, "vector(1)", end - timedelta(seconds=10), end, 2.5)
    assert frame["value"].tolist() == [1.0] * 5
    assert (frame["time"].diff().dropna() == pd.Timedelta(seconds=2.5)).all()
    assert frame["time"].iloc[-1] == end


def test_time_without_a_zone_is_refused(url: str) -> None:
    """A time that could be any is not guessed."""
    with pytest.raises(WorkshopError, match="time zone"):
        promql.query(url, "up", at=datetime(2026, 1, 1))


@pytest.mark.long
def test_targets_say_who_was_asked(asked: str) -> None:
    """Each target with its health, the reason where it is down, and when it was asked."""
    frame = promql.targets(asked)
    assert str(frame["asked"].dtype) == "datetime64[us, UTC]"
    assert (frame["health"] == "down").all()
    assert frame["error"].str.len().min() > 0
    assert set(frame.loc[frame["job"] == "mysqld", "instance"]) == {"master-db", "replica-db"}
    assert (frame["seconds"] >= 0).all()


@pytest.mark.long
def test_alerts_say_what_fires(asked: str, prometheus: Running) -> None:
    """An alert with its state, since when, what it is about, and the summary; both databases are missing here."""

    def fires() -> bool:
        frame = promql.alerts(asked)
        return bool(((frame["alert"] == "DatabaseDown") & (frame["state"] == "firing")).sum() == 2)

    prometheus.wait_until(fires, within_seconds=60, what="let an alert fire")
    frame = promql.alerts(asked)
    down = frame[frame["alert"] == "DatabaseDown"]
    assert set(down["severity"]) == {"critical"}
    assert set(down["about"]) == {"instance=master-db, job=mysqld", "instance=replica-db, job=mysqld"}
    assert "master-db does not answer." in set(down["summary"])
    assert (down["since"] <= datetime.now(UTC)).all()


@pytest.mark.parametrize("ask", [promql.alerts, promql.targets, lambda url: promql.query(url, "up")])
def test_dead_prometheus_is_one_sentence(ask: Callable[[str], pd.DataFrame]) -> None:
    """Nobody there: one sentence that names the address, and what to do."""
    with pytest.raises(WorkshopError, match=r"^Prometheus does not answer at http://127\.0\.0\.1:9\. Start"):
        ask("http://127.0.0.1:9")
