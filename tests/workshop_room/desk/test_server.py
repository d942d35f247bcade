"""Which token opens which page and button; and that the audience's pages name no active fault."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.workshop_room.desk.desk_pages import Pages
from workshop_kit.faults.catalog import FAULTS
from workshop_kit.patience import wait_for
from workshop_room.desk.audience_view import CHANGE

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

PRESENTER = ("/presenter", "/presenter.js", "/presenter/choices", "/presenter/state")
AUDIENCE = ("/audience", "/audience.js", "/audience/state", "/audience/picture", "/desk.css")
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
    answer = pages.web.post("/presenter/do/step", content='{"step": 2}', headers=own | headers)
    assert (answer.status_code, pages.desk.demo.number) == (403, 1)


def test_headers_keep_the_token_and_foreign_code_out(pages: Pages) -> None:
    """No referrer, no cache, nothing loaded from elsewhere, no frame around it, no program's name."""
    for path in ("/audience", "/presenter", "/nothing"):
        headers = pages.get(path, pages.server.presenter_token).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
        assert "Server" not in headers
    for page in ("/audience", "/presenter"):
        text = pages.get(page, pages.server.presenter_token).text
        assert not re.findall(r"(?:src|href)=\"(?!/|data:,)", text)
        assert "{{" not in text


@pytest.mark.parametrize(
    ("click", "body", "sentence"),
    [
        ("fault", {"number": 99}, "There is no fault 99."),
        ("fault", {"number": "kill"}, "There is no fault 'kill'."),
        ("step", {"step": 0}, "There is no step 0."),
        ("format", {}, "There is no 'format' at this desk."),
    ],
)
def test_a_wrong_click_is_one_sentence(pages: Pages, click: str, body: dict[str, Any], sentence: str) -> None:
    """No fault is active after it."""
    answer = pages.do(click, **body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)
    assert pages.state()["faults"] == []


def words_in(words: list[str], text: str) -> list[str]:
    """The words that stand in a text."""
    return [word for word in words if re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", text, re.IGNORECASE)]


def test_the_audience_is_never_sent_the_name_of_a_fault(pages: Pages) -> None:
    """With active faults, nothing that the audience's token opens names a fault, its target or a parameter.

    Page, style and script do not change at all; the picture has none of these words that it did not have before: it has
    a panel of latency and one of limits.
    """
    same = ("/audience", "/audience.js", "/desk.css")
    before = {path: pages.get(path).content for path in same}
    usual = pages.get("/audience/picture").json()["alt"]
    for name, grade in GRADES.items():
        pages.controller.inject(name, "master-db", grade)
    assert wait_for(lambda: f"{CHANGE} from" in pages.get("/audience/picture").json()["alt"], 60)

    words = [*FAULTS, "master-db", "master_db", "mariadb", *(word for grade in GRADES.values() for word in grade)]
    words += [str(value) for grade in GRADES.values() for value in grade.values()]
    assert {path: pages.get(path).content for path in same} == before
    picture = pages.get("/audience/picture").json()["alt"]
    assert words_in(words, picture) == words_in(words, usual)
    for path in ("/audience/state", "/nothing", *PRESENTER):
        answer = pages.get(path)
        assert words_in(words, f"{answer.headers}{answer.text}") == [], path
    assert len(pages.state()["faults"]) == len(GRADES)
