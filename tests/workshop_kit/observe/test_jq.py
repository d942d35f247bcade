"""The real jq beside pandas and SQL: the same three questions, the same answers; and what jq says of a mistake."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pandas as pd
import pytest

from workshop_kit.engine import containers
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.jq import jq
from workshop_kit.observe.log_store import FrameStore

pytestmark = pytest.mark.engine

WRITER = r"""
import json, random
chance = random.Random(6)
for n in range(2_000):
    ts = f"2026-11-24T16:{6 + n // 500:02}:{n // 9 % 60:02}.{n % 1000:03}Z"
    event = {"ts": ts, "level": chance.choice(["debug", "info", "info", "error"]), "msg": "work", "n": n}
    if n % 3 == 0:
        route = chance.choice(["/orders", "/orders/{id}", "/items"])
        event |= {"msg": "request", "request_id": f"r{n}", "route": route}
        event["status"] = chance.choice([200, 404, 500, 503])
        event["duration_ms"] = round(chance.expovariate(0.02), 3)
    if n % 97 == 0:
        event["status"] = "none"  # a type that the others do not have
    line = json.dumps(event)
    print(line[: len(line) // 2] if n % 50 == 1 else line)
    if n % 40 == 0:
        print("Traceback (most recent call last):", "  status 500", "", "[500]", "null", '{"status":500,}', sep="\n")
"""


@pytest.fixture(scope="module")
def log(session: Session, images: dict[str, str]) -> Iterator[bytes]:
    """What ``docker logs`` gives of a container that writes well and badly."""
    with containers.run(session, Spec(images["base"], command=("python3", "-c", WRITER))) as running:
        running.wait_ended(within_seconds=60)
        yield running.container.logs()


@pytest.fixture(scope="module")
def frame(log: bytes) -> pd.DataFrame:
    """The same lines as a DataFrame, malformed ones included."""
    found = logs.read_lines(log)
    assert found.attrs["malformed"] > 300
    return found


def asked(session: Session, images: dict[str, str], program: str, log: bytes, *options: str) -> str:
    """What jq answers."""
    answer = jq(session, images["collector"], program, log, *options)
    assert (answer.error, answer.exit_code, answer.cut) == ("", 0, False)
    return answer.output


def test_failed_requests_are_the_same_three_times(
    session: Session, images: dict[str, str], log: bytes, frame: pd.DataFrame
) -> None:
    """Requests with a status of 500 or more, by id."""
    program = 'fromjson? | objects | select(.msg == "request" and (.status | numbers) >= 500) | .request_id'
    by_jq = asked(session, images, program, log, "-R", "-r").split()
    by_pandas = frame[(frame["msg"] == "request") & (frame["status"] >= 500).fillna(False)]["request_id"]
    with FrameStore(frame) as store:
        by_sql = store.sql("SELECT request_id FROM logs WHERE msg = 'request' AND status >= 500 ORDER BY row")
        by_search = store.search("msg:request status>=500", 10_000)["request_id"]
    assert len(by_jq) > 200
    assert by_jq == list(by_pandas) == list(by_sql["request_id"]) == list(by_search)


def test_levels_by_minute_are_the_same_three_times(
    session: Session, images: dict[str, str], log: bytes, frame: pd.DataFrame
) -> None:
    """How many lines of each level came in each minute."""
    program = (
        "[inputs | fromjson? | objects | select(.level)] | group_by([.ts[:16], .level])[]"
        ' | "\\(.[0].ts[:16]) \\(.[0].level) \\(length)"'
    )
    by_jq = asked(session, images, program, log, "-R", "-n", "-r").splitlines()
    leveled = frame[frame["level"].notna()]
    counted = leveled.groupby([leveled["ts"].dt.strftime("%Y-%m-%dT%H:%M"), "level"], observed=True).size()
    by_pandas = [f"{minute} {level} {lines}" for (minute, level), lines in counted.items()]
    with FrameStore(frame) as store:
        by_sql = store.sql(
            "SELECT strftime(ts, '%Y-%m-%dT%H:%M') AS minute, level, count(*) AS lines"
            " FROM logs WHERE level IS NOT NULL GROUP BY ALL ORDER BY ALL"
        )
    assert len(by_jq) == 12
    assert by_jq == by_pandas == [" ".join(map(str, one)) for one in by_sql.itertuples(index=False)]


def test_p95_by_route_is_the_same_three_times(
    session: Session, images: dict[str, str], log: bytes, frame: pd.DataFrame
) -> None:
    """The duration that 95 of 100 requests stay below, by route; between two values in proportion."""
    program = (
        "def p95: sort | ((length - 1) * 0.95) as $at | ($at | floor) as $low"
        " | .[$low] + ($at - $low) * ((.[$low + 1] // .[$low]) - .[$low]);"
        " [inputs | fromjson? | objects | select(.duration_ms)] | group_by(.route)"
        " | map({key: .[0].route, value: (map(.duration_ms) | p95)}) | from_entries"
    )
    by_jq = json.loads(asked(session, images, program, log, "-R", "-n"))
    by_pandas = frame.groupby("route")["duration_ms"].quantile(0.95).to_dict()
    with FrameStore(frame) as store:
        query = "SELECT route, quantile_cont(duration_ms, 0.95) AS p95 FROM logs WHERE route IS NOT NULL GROUP BY route"
        by_sql = store.sql(query).set_index("route")["p95"].to_dict()
    assert set(by_jq) == {"/orders", "/orders/{id}", "/items"}
    assert by_jq == pytest.approx(by_pandas)
    assert by_jq == pytest.approx(by_sql)


def test_jq_alone_stops_at_the_first_bad_line(session: Session, images: dict[str, str], log: bytes) -> None:
    """Without ``-R`` and ``fromjson?`` jq reads up to the first malformed line, and says so with its exit code."""
    answer = jq(session, images["collector"], "select(.status) | .status", log, "-c")
    assert answer.exit_code == 5 or "parse error" in answer.error
    assert "parse error" in answer.error


@pytest.mark.parametrize(
    ("program", "data", "code", "says"),
    [
        (".a |", b"{}", 3, "syntax error"),
        (".a", b"[1]", 5, "Cannot index array"),
        ('error("no")', b"1", 5, "no"),
    ],
)
def test_a_mistake_is_jqs_own_word(
    session: Session, images: dict[str, str], program: str, data: bytes, code: int, says: str
) -> None:
    """A learner sees what the terminal would say: jq's message and exit code."""
    answer = jq(session, images["collector"], program, data)
    assert (answer.output, answer.exit_code) == ("", code)
    assert says in answer.error


def test_time_and_output_are_bounded(session: Session, images: dict[str, str]) -> None:
    """A program without end is stopped, and endless output is cut; no container stays."""
    image = images["collector"]
    with pytest.raises(WorkshopError, match="took more than 1 s"):
        jq(session, image, "last(range(1e12))", b"1", timeout_seconds=1)
    answer = jq(session, image, "range(1e9)", b"1", max_bytes=10_000)
    assert (len(answer.output), answer.cut) == (10_000, True)
    assert answer.output.startswith("0\n1\n2\n")
    left = session.engine.client.containers.list(
        all=True, filters={"ancestor": image, "label": "workshop.scope=kernel"}, ignore_removed=True
    )
    assert [one for one in left if one.labels.get("workshop.session") == session.who.session] == []


def test_it_reads_only_what_it_is_fed(session: Session, images: dict[str, str]) -> None:
    """A word that looks like an option is a program, input may be large, and a missing image is said so."""
    image = images["collector"]
    assert jq(session, image, "-1", b"null").output == "-1\n"
    numbers = io.BytesIO()
    numbers.writelines(b"%d\n" % n for n in range(300_000))
    assert jq(session, image, "add", numbers.getvalue(), "-s").output == "44999850000\n"
    with pytest.raises(NotReady, match="no image"):
        jq(session, "workshop/nowhere:none", ".", b"")
