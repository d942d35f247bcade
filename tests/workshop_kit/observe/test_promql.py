"""PromQL from a notebook: against a real Prometheus that watches itself and a few who are not there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
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
    """Where it answers, once it has asked everybody at least once."""
    address = prometheus.url(9090)
    prometheus.wait_until(
        lambda: set(promql.targets(address)["health"]) == {"down"}, within_seconds=60, what="ask everybody"
    )
    return address


def test_instant_query_is_a_typed_table(url: str) -> None:
    """A row for each series: time in UTC, the metric's name, a text column for each label, the value as a float."""
    frame = promql.query(url, "up")
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


def test_no_series_is_a_table_without_rows(url: str) -> None:
    """Nothing found has the same types as something found."""
    frame = promql.query(url, "nobody_has_this")
    assert frame.empty
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"
    assert str(frame["value"].dtype) == "float64"


def test_what_is_no_number_is_kept(url: str) -> None:
    """NaN and infinities arrive as Prometheus computed them, in vectors and in scalars."""
    values = promql.query(url, 'label_replace(vector(0)/0, "x", "nan", "", "") or vector(1)/0')["value"]
    assert sorted(map(str, values)) == ["inf", "nan"]
    assert promql.query(url, "-1/0")["value"].tolist() == [-math.inf]


def test_labels_never_hide_our_columns(url: str) -> None:
    """A label called like one of our columns is kept beside it."""
    frame = promql.query(url, 'label_replace(vector(7), "value", "text", "", "")')
    assert frame["value"].tolist() == [7.0]
    assert frame["value_label"].tolist() == ["text"]


def test_range_has_a_row_for_each_step(url: str) -> None:
    """Steps are where they were asked for, and the times are those of the steps."""
    end = datetime.now(UTC).replace(microsecond=0)
    frame = promql.query_range(url, "vector(1)", end - timedelta(seconds=10), end, 2.5)
    assert frame["value"].tolist() == [1.0] * 5
    assert (frame["time"].diff().dropna() == pd.Timedelta(seconds=2.5)).all()
    assert frame["time"].iloc[-1] == end


def test_a_gap_is_a_gap(url: str) -> None:
    """Before there was a series there are no rows: neither zeros nor the first value."""
    end = datetime.now(UTC)
    frame = promql.query_range(url, 'up{job="agent"}', end - timedelta(hours=1), end, 10)
    assert 0 < len(frame) < 300


def test_a_query_at_a_time_sees_that_time(url: str) -> None:
    """What is asked of an hour ago knows nothing of now; seconds since 1970 are a time, too."""
    assert promql.query(url, "up", at=datetime.now(UTC) - timedelta(hours=1)).empty
    assert promql.query(url, "vector(time())", at=1_000_000_000)["value"].tolist() == [1e9]


def test_samples_of_a_range_are_rows(url: str) -> None:
    """``metric[1m]`` gives the raw samples, each at its own time."""
    frame = promql.query(url, 'up{job="agent"}[1m]')
    assert frame["time"].is_monotonic_increasing
    assert frame["time"].is_unique


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


@pytest.mark.parametrize(
    ("query", "reason"), [("", "no expression found"), ("up * on (job) up", "many-to-many matching not allowed")]
)
def test_mistake_without_a_place_is_said_too(url: str, query: str, reason: str) -> None:
    """What is wrong with the whole query has no position."""
    with pytest.raises(promql.PromQLMistake, match=reason) as caught:
        promql.query(url, query)
    assert caught.value.line is None
    assert caught.value.output == ""


def test_too_many_steps_is_no_mistake_of_the_query(url: str) -> None:
    """What Prometheus finds too much is said as such."""
    with pytest.raises(WorkshopError, match="11,000 points") as caught:
        promql.query_range(url, "up", 0, 1e9, 1)
    assert not isinstance(caught.value, promql.PromQLMistake)


def test_time_without_a_zone_is_refused(url: str) -> None:
    """A time that could be any is not guessed."""
    with pytest.raises(WorkshopError, match="time zone"):
        promql.query(url, "up", at=datetime(2026, 1, 1))


@pytest.mark.parametrize("moment", ["10m", timedelta(minutes=10), None, pd.NaT])
def test_what_is_no_time_is_said(url: str, moment: Any) -> None:
    """How long ago is no time; it is said in one sentence that shows how to write it."""
    with pytest.raises(WorkshopError, match=r"is no time\. Write|time zone"):
        promql.query_range(url, "up", moment, datetime.now(UTC), 2)


def test_seconds_of_numpy_are_a_time(url: str) -> None:
    """What comes out of a table is as good as a number of Python."""
    moment: Any = np.int64(1_000_000_000)
    assert promql.query(url, "vector(time())", at=moment)["value"].tolist() == [1e9]


def test_remarks_are_kept(url: str) -> None:
    """What Prometheus remarks on a query travels with the table."""
    promql_notes = promql.query(url, "rate(up[1m])").attrs["notes"]
    assert any("might not be a counter" in note for note in promql_notes)
    assert promql.query(url, "up").attrs["notes"] == []


def test_targets_say_who_was_asked(url: str) -> None:
    """Each target with its health, the reason where it is down, and when it was asked."""
    frame = promql.targets(url)
    assert str(frame["asked"].dtype) == "datetime64[us, UTC]"
    assert (frame["health"] == "down").all()
    assert frame["error"].str.len().min() > 0
    assert set(frame.loc[frame["job"] == "mysqld", "instance"]) == {"master-db", "replica-db"}
    assert (frame["seconds"] >= 0).all()


def test_alerts_say_what_fires(url: str, prometheus: Running) -> None:
    """An alert with its state, since when, what it is about, and the summary; both databases are missing here."""

    def fires() -> bool:
        frame = promql.alerts(url)
        return bool(((frame["alert"] == "DatabaseDown") & (frame["state"] == "firing")).sum() == 2)

    prometheus.wait_until(fires, within_seconds=60, what="let an alert fire")
    frame = promql.alerts(url)
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


def test_somebody_else_is_not_taken_for_prometheus(other_url: str) -> None:
    """A service that answers something else is said to be no Prometheus."""
    assert httpx.get(f"{other_url}/livez", trust_env=False).status_code == 200
    with pytest.raises(WorkshopError, match="is not Prometheus"):
        promql.query(other_url, "up")


@pytest.fixture
def other_url(session: Session, images: dict[str, str]) -> Iterator[str]:
    """Where somebody else answers, and in JSON."""
    code = (
        "import http.server as h\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'[1]')\n"
        "    do_POST = do_GET\n"
        "h.HTTPServer(('', 8080), H).serve_forever()\n"
    )
    with containers.run(session, Spec(images["base"], command=("python3", "-c", code), ports=(8080,))) as running:
        running.wait_ready("/livez")
        yield running.url()
