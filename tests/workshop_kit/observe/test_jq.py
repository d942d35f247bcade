"""jq in a container gives the same answers as pandas and the search, and is bounded."""

from __future__ import annotations

import io
import json
import random

import pytest

from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.jq import jq
from workshop_kit.search import FrameStore

pytestmark = pytest.mark.engine

MALFORMED = ("Traceback (most recent call last):", "  status 500", "", "[500]", "null", '{"status":500,}')


def written() -> bytes:
    """The output of a program that writes valid and malformed lines."""
    chance, lines = random.Random(6), []
    for n in range(2_000):
        event = {"level": chance.choice(["debug", "info", "error"]), "msg": "work", "n": n}
        if n % 3 == 0:
            event |= {"msg": "request", "request_id": f"r{n}", "status": chance.choice([200, 404, 500, 503])}
        event |= {"status": "none"} if n % 97 == 0 else {}  # a type that the others do not have
        line = json.dumps(event)
        lines += [line[: len(line) // 2] if n % 50 == 1 else line, *(MALFORMED if n % 40 == 0 else ())]
    return "\n".join([*lines, ""]).encode()


def test_jq_finds_the_same_failed_requests_as_pandas_and_the_search(session: Session, images: dict[str, str]) -> None:
    """Requests with a status of 500 or more, by id."""
    log = written()
    frame = logs.read_lines(log)
    assert frame.attrs["malformed"] > 300
    program = 'fromjson? | objects | select(.msg == "request" and (.status | numbers) >= 500) | .request_id'
    answer = jq(session, images["collector"], program, log, "-R", "-r")
    assert (answer.error, answer.exit_code, answer.cut) == ("", 0, False)
    by_pandas = frame[(frame["msg"] == "request") & (frame["status"] >= 500).fillna(False)]["request_id"]
    store = FrameStore(frame)
    found, parameters = store.where("msg:request status>=500")
    by_search = store.select(f"SELECT fields['request_id'] AS id FROM logs WHERE {found} ORDER BY row", parameters)
    assert len(by_pandas) > 200
    assert answer.output.split() == list(by_pandas) == list(by_search["id"])


def test_a_program_without_end_is_stopped(session: Session, images: dict[str, str]) -> None:
    """No container stays."""
    image = images["collector"]
    with pytest.raises(WorkshopError, match="took more than 1 s"):
        jq(session, image, "last(range(1e12))", b"1", timeout_seconds=1)
    left = session.engine.client.containers.list(all=True, filters={"ancestor": image}, ignore_removed=True)
    assert [one for one in left if one.labels.get("workshop.session") == session.identity.session] == []


def test_jq_takes_programs_like_options_and_large_input(session: Session, images: dict[str, str]) -> None:
    """Large output is cut."""
    image = images["collector"]
    assert jq(session, image, "-1", b"null").output == "-1\n"
    numbers = io.BytesIO()
    numbers.writelines(b"%d\n" % n for n in range(300_000))
    assert jq(session, image, "add", numbers.getvalue(), "-s").output == "44999850000\n"
    answer = jq(session, image, "range(1e9)", b"1", max_bytes=10_000)
    assert (len(answer.output), answer.cut) == (10_000, True)
