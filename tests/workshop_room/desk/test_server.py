"""Which token opens which page and button; and that the audience's pages name no active fault."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.waiting import wait_until
from tests.workshop_room.desk.room_pages import Pages
from workshop_kit.faults.catalog import FAULTS
from workshop_room.desk.audience_view import CHANGE

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

PRESENTER = (
    "/presenter",
    "/presenter.js",
    "/notes.js",
    "/presenter/choices",
    "/presenter/state",
    "/presenter/recorded.png",
)
AUDIENCE = ("/audience", "/audience.js", "/audience/state", "/audience/dashboard", "/audience/map.svg", "/desk.css")
GRADES: dict[str, dict[str, Any]] = {
    "latency": {"latency_ms": 437.0, "jitter_ms": 37.31},
    "limits": {"memory_mib": 177.0, "cpus": 0.417},
}


def test_each_token_opens_its_own_page(pages: Pages) -> None:
    """The audience's opens neither a page nor a button of the presenter; the presenter's opens both.

    Without one, and for a wrong one, every address is 403 with a short answer, also one that is not there.
    """
    presenter = pages.server.presenter_token
    for path in (*PRESENTER, *AUDIENCE, "/", "/nothing"):
        for token in ("", presenter[:-1]):
            answer = pages.get(path, token)
            assert (answer.status_code, len(answer.content) < 200) == (403, True)
    for path in (*PRESENTER, *AUDIENCE):
        assert pages.get(path).status_code == (403 if path in PRESENTER else 200)
        assert pages.get(path, presenter).status_code == 200
    headers = {"Authorization": f"token {pages.server.audience_token}"}
    assert pages.web.post("/presenter/do/undo-all", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Content-Type": "text/plain"}], ids=str)
def test_a_page_of_another_origin_cannot_press_a_button(pages: Pages, headers: dict[str, str]) -> None:
    """Not even with the token."""
    own = {"Authorization": f"token {pages.server.presenter_token}", "Content-Type": "application/json"}
    before = pages.desk.demo.step
    answer = pages.web.post("/presenter/do/step", content='{"step": 2}', headers=own | headers)
    assert (answer.status_code, pages.desk.demo.step) == (403, before)
    assert pages.web.post("/presenter/do/step", content='{"step": 2}', headers=own).status_code == 200
    pages.said("step", step=1)


def test_headers_keep_the_token_and_foreign_code_out(pages: Pages) -> None:
    """No referrer, no cache, nothing loaded from elsewhere, no program's name; only the desk may frame the audience."""
    framed = {"/audience": "frame-ancestors 'self'", "/presenter": "frame-ancestors 'none'; frame-src 'self'"}
    for path in (*framed, "/nothing"):
        headers = pages.get(path, pages.server.presenter_token).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Content-Security-Policy"].endswith(framed.get(path, "frame-ancestors 'none'"))
        assert "Server" not in headers
    for page in ("/audience", "/presenter"):
        text = pages.get(page, pages.server.presenter_token).text
        assert not re.findall(r"(?:src|href)=\"(?!/|data:,)", text)
        assert "{{" not in text


@pytest.mark.parametrize(
    ("action", "body", "status", "sentence"),
    [
        ("fault", {"fault": "pause", "target": "nobody"}, 409, "no container 'nobody'"),
        ("load", {"request": "GET /orders", "rate_per_second": 5000}, 400, "from 1 to 300"),
        ("notes", {"lesson": "../secrets/admin"}, 400, "no lesson '../secrets/admin'"),
    ],
)
def test_a_wrong_click_is_one_sentence(
    pages: Pages, action: str, body: dict[str, Any], status: int, sentence: str
) -> None:
    """It says what is wrong and what to do; no fault is active after it."""
    answer = pages.do(action, **body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert pages.state()["active_faults"] == []


def words_in(words: list[str], text: str) -> list[str]:
    """The words that stand in a text."""
    return [word for word in words if re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", text, re.IGNORECASE)]


def test_the_audience_is_never_sent_the_name_of_a_fault(pages: Pages) -> None:
    """With active faults, nothing that the audience's token opens names a fault, its target or a parameter.

    Map, page, style and script do not change at all; state and picture have none of these words that they did not have
    before: the dashboard has a panel of latency and one of limits.
    """
    same = ("/audience", "/audience.js", "/audience/map.svg", "/desk.css")
    before = {path: pages.get(path).content for path in same}
    usual = pages.get("/audience/dashboard").json()["alt"]
    for name, grade in GRADES.items():
        pages.said("fault", fault=name, target="master-db", parameters=grade)
    wait_until(lambda: f"{CHANGE} from" in pages.get("/audience/dashboard").json()["alt"])
    words = [*FAULTS, "master-db", "master_db", "mariadb", *(word for grade in GRADES.values() for word in grade)]
    words += [str(value) for grade in GRADES.values() for value in grade.values()]
    for path in (*AUDIENCE, "/audience/recorded.png", "/nothing", *PRESENTER):
        answer = pages.get(path)
        if path in same:
            assert answer.content == before[path]
            continue
        if path == "/audience/dashboard":
            assert words_in(words, answer.json()["alt"]) == words_in(words, usual)
            continue
        assert words_in(words, f"{answer.headers}{answer.text}") == [], path
    assert [fault["fault"] for fault in pages.state()["active_faults"]] == [*GRADES]
