"""jq in a container gives the same answers as pandas, SQL and the search, and is bounded."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pandas as pd
import pytest

from workshop_kit.engine import containers
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.jq import jq
from workshop_kit.search import FrameStore

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
    """The output of ``docker logs`` for a container that writes valid and malformed lines."""
    with containers.run(session, Spec(images["base"], command=("python3", "-c", WRITER))) as running:
        running.wait_ended(within_seconds=60)
        yield running.container.logs()


@pytest.fixture(scope="module")
def frame(log: bytes) -> pd.DataFrame:
    """The same lines as a DataFrame, malformed ones included."""
    found = logs.read_lines(log)
    assert found.attrs["malformed"] > 300
    return found


def output_of(session: Session, images: dict[str, str], program: str, log: bytes, *options: str) -> str:
    """Return jq's output."""
    answer = jq(session, images["collector"], program, log, *options)
    assert (answer.error, answer.exit_code, answer.cut) == ("", 0, False)
    return answer.output


def test_jq_finds_the_same_failed_requests_as_pandas_and_sql(
    session: Session, images: dict[str, str], log: bytes, frame: pd.DataFrame
) -> None:
    """Requests with a status of 500 or more, by id."""
    program = 'fromjson? | objects | select(.msg == "request" and (.status | numbers) >= 500) | .request_id'
    by_jq = output_of(session, images, program, log, "-R", "-r").split()
    by_pandas = frame[(frame["msg"] == "request") & (frame["status"] >= 500).fillna(False)]["request_id"]
    with FrameStore(frame) as store:
        by_sql = store.sql("SELECT request_id FROM logs WHERE msg = 'request' AND status >= 500 ORDER BY row")
        by_search = store.search("msg:request status>=500", 10_000)["request_id"]
    assert len(by_jq) > 200
    assert by_jq == list(by_pandas) == list(by_sql["request_id"]) == list(by_search)


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
    assert [one for one in left if one.labels.get("workshop.session") == session.identity.session] == []


def test_jq_takes_programs_like_options_and_large_input(session: Session, images: dict[str, str]) -> None:
    """A missing image raises NotReady."""
    image = images["collector"]
    assert jq(session, image, "-1", b"null").output == "-1\n"
    numbers = io.BytesIO()
    numbers.writelines(b"%d\n" % n for n in range(300_000))
    assert jq(session, image, "add", numbers.getvalue(), "-s").output == "44999850000\n"
    with pytest.raises(NotReady, match="no image"):
        jq(session, "workshop/nowhere:none", ".", b"")
