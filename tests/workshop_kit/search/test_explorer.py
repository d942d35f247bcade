"""The log explorer without a page: messages in, answers out. What is clicked is tested in tests/browser."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd

from workshop_kit.display.live import Screens
from workshop_kit.observe import logs
from workshop_kit.search import FrameStore
from workshop_kit.search.explorer import Explorer
from workshop_kit.search.explorer.model import ExplorerModel
from workshop_kit.search.explorer.page import PAGE_ROWS, static_page

SCRIPT = "<script>alert(1)</script>\x1b[31m\u202e"
ACTIVE = re.compile(r"<(script|img (?!src=\"data:image/png;base64,))|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
SECOND = 1_000_000
BEGAN = int(pd.Timestamp("2026-11-24T21:00:00Z").value) // 1000  # microseconds


def line(number: int, **more: Any) -> str:
    """One line a second, levels in turn, three lines a request, two services."""
    said = {
        "ts": f"2026-11-24T21:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "level": ("info", "warn", "error", "fatal", "debug", "loud")[number % 6],
        "logger": "test",
        "msg": f"line {number}",
        "request_id": f"r{number // 3}",
        "service": ("web", "db")[number % 2],
        "status": 500 if number % 6 == 2 else 200,
    }
    return json.dumps({**said, **more})


def frame(*lines: str) -> pd.DataFrame:
    """Lines as the reader gives them."""
    return logs.read_lines("".join(f"{one}\n" for one in lines).encode())


def model(count: int = 600, *more: str) -> ExplorerModel:
    """A model over so many lines, that has looked at them all."""
    made = ExplorerModel(FrameStore(frame(*map(line, range(count)), *more)))
    made.handle({"do": "search", "query": ""})
    assert made.problem == {}
    return made


def messages(made: ExplorerModel) -> list[str]:
    """The messages on the page, from top to bottom."""
    return [row["msg"] for row in made.shown["rows"]]


def texts(data: Any) -> Iterator[str]:
    """Every text in what is sent, names included."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from texts([*data, *data.values()])
    elif isinstance(data, list):
        for one in data:
            yield from texts(one)


def threads() -> list[str]:
    """The names of the explorers' threads."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("explorer")]


def test_a_page_has_the_newest_lines_and_only_so_many() -> None:
    """The newest line is on top; a page has 100; the pages have every line once."""
    made = model(250)
    assert (made.shown["hits"], made.shown["total"], made.shown["pages"]) == (250, 250, 3)
    found = messages(made)
    assert found[0] == "line 249"
    assert len(found) == PAGE_ROWS
    for page in (1, 2):
        made.handle({"do": "page", "page": page})
        found += messages(made)
    assert found == [f"line {number}" for number in reversed(range(250))]


def test_a_mistake_has_its_position_and_changes_nothing() -> None:
    """The sentence, what was typed and where; the view stays, and the next search clears it."""
    made = model()
    made.handle({"do": "search", "query": "level:error"})
    before = made.shown
    made.handle({"do": "search", "query": "level:error status>="})
    assert made.problem["query"] == "level:error status>="
    assert made.problem["position"] == 20
    assert (made.shown, made.view.query) == (before, "level:error")
    made.handle({"do": "search", "query": "level:info"})
    assert made.problem == {}


def test_a_span_takes_what_is_in_it() -> None:
    """Its begin belongs to it, its end does not; the bars are finer in it; the whole time comes back."""
    made = model()
    coarse = made.shown["bars"]["step"]
    made.handle({"do": "span", "from": BEGAN + 60 * SECOND, "to": BEGAN + 90 * SECOND})
    assert made.shown["hits"] == 30
    assert messages(made) == [f"line {number}" for number in reversed(range(60, 90))]
    assert made.shown["bars"]["step"] < coarse
    made.handle({"do": "search", "query": "status:500"})
    assert made.shown["hits"] == 5
    made.handle({"do": "whole"})
    assert made.shown["hits"] == 100


def noisy() -> ExplorerModel:
    """One error and another among hundreds of warnings that say the same."""
    noise = [line(number, level="warning", msg="slow", service="web") for number in range(300)]
    rare = [line(100, level="error", msg="pool exhausted", service="db"), line(101, level="warning", msg="retry")]
    return model(0, *noise[:100], *rare, *noise[100:])


def test_identical_messages_stand_in_one_row_where_a_level_is_asked_for() -> None:
    """The decisive lines do not drown; how many there are of each stands there; all lines come back."""
    made = noisy()
    assert (made.shown["groups"], len(messages(made))) == (-1, 100)
    made.handle({"do": "search", "query": "level>=warning"})
    assert [(row["lines"], row["msg"]) for row in made.shown["rows"]] == [
        ("300", "slow"), ("1", "retry"), ("1", "pool exhausted")
    ]  # fmt: skip
    assert (made.shown["hits"], made.shown["groups"], made.shown["pages"]) == (302, 3, 1)
    assert "302 of 302 lines; the newest 3 of 3 different messages" in static_page("T", "", made.shown).text
    version = made.shown["version"]
    made.handle({"do": "group", "on": False})
    assert (made.shown["groups"], made.shown["hits"], len(messages(made))) == (-1, 302, 100)
    assert made.shown["version"] > version
    made.handle({"do": "search", "query": "msg:*"})
    made.handle({"do": "group", "on": True})
    assert len(messages(made)) == 3
    made.handle({"do": "span", "from": BEGAN + 95 * SECOND, "to": BEGAN + 101 * SECOND})
    assert sorted(row["lines"] for row in made.shown["rows"]) == ["1", "6"]
    made.handle({"do": "open", "row": made.shown["rows"][-1]["row"]})
    assert dict(made.opened["fields"])["msg"] in ("slow", "pool exhausted")


def test_one_request_is_shown_oldest_first_and_left_again() -> None:
    """All its lines of all services, whatever was searched and wherever one was; "back" goes there."""
    made = model()
    made.handle({"do": "search", "query": "status:500"})
    made.handle({"do": "span", "from": BEGAN, "to": BEGAN + 300 * SECOND})
    row = made.shown["rows"][0]["row"]
    made.handle({"do": "request", "row": row})
    assert made.shown["request"] == "r98"
    assert messages(made) == ["line 294", "line 295", "line 296"]
    assert {row["service"] for row in made.shown["rows"]} == {"web", "db"}
    made.handle({"do": "request", "row": 0})
    assert made.shown["request"] == "r0"
    made.handle({"do": "back"})
    assert (made.shown["request"], made.shown["hits"]) == ("", 50)


def test_a_request_id_is_a_value_and_never_sql() -> None:
    """What a line says its request is may hold quotes, stars and more."""
    hostile = """x' OR 1=1 -- " * \\ (""" + SCRIPT
    made = model(10, line(10, request_id=hostile))
    made.handle({"do": "request", "row": 10})
    assert messages(made) == ["line 10"]
    assert made.problem == {}


def test_an_opened_line_has_all_it_said() -> None:
    """Every field, what is in no column, a text that is no JSON with its reason; nulls are left out."""
    made = model(3, "Traceback <b>", line(4, extra={"deep": [1]}, status="none", huge=10**30))
    made.handle({"do": "open", "row": 3})
    fields = dict(made.opened["fields"])
    assert fields["raw"] == "Traceback <b>"
    assert fields["reason"] == "plain text"
    assert "msg" not in fields
    made.handle({"do": "open", "row": 4})
    fields = dict(made.opened["fields"])
    assert fields["ts"] == "2026-11-24T21:00:04.000000000Z"
    assert json.loads(fields["extra"]) == {"deep": [1]}
    assert (fields["status"], fields["huge"]) == ("none", str(10**30))


def test_no_control_character_reaches_the_page() -> None:
    """Field names, values, levels, requests and searches are made visible before they are sent."""
    planted = line(0, msg=SCRIPT, level=SCRIPT, service=SCRIPT, request_id=SCRIPT, **{SCRIPT: SCRIPT})
    made = model(0, planted, SCRIPT)
    for message in ({"do": "open", "row": 0}, {"do": "request", "row": 0}, {"do": "search", "query": SCRIPT + " a:"}):
        made.handle(message)
        sent = list(texts([made.shown, made.opened, made.problem]))
        assert any("\\x1b[31m\\u202e" in text for text in sent)
        assert [text for text in sent if "\x1b" in text or "\u202e" in text] == []


def test_the_twin_escapes_everything() -> None:
    """No tag or control byte of a line, a search or a title is in the page without a kernel, or in its text."""
    made = model(2, line(2, msg=SCRIPT, level=SCRIPT, service=SCRIPT), SCRIPT)
    made.handle({"do": "search", "query": '"<script>"'})
    assert made.shown["hits"] == 2
    shown = static_page("Title", SCRIPT, made.shown, SCRIPT.replace("\x1b", "").replace("\u202e", ""))
    page = shown.html.replace("<style>", "")
    assert ACTIVE.findall(page) == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202e" in page
    assert "\x1b" not in shown.text


def ticking(stop: threading.Event) -> Iterator[pd.DataFrame]:
    """A line every hundredth of a second, until it is stopped."""
    number = 0
    while not stop.wait(0.01):
        yield frame(line(number))
        number += 1


def until(condition: Any) -> None:
    """Wait for something that happens in another thread."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_following_shows_lines_and_ends() -> None:
    """Lines come by themselves, and wait while it is paused; `stop` leaves no thread and shows what waited."""
    explorer = Explorer(FrameStore(frame()), follow=ticking).show(Screens())
    until(lambda: explorer.hits > 3)
    explorer.model.handle({"do": "pause"})
    until(lambda: explorer.model.new > 3)
    waiting, shown = explorer.model.new, explorer.hits
    explorer.stop()
    assert threads() == []
    assert explorer.hits >= shown + waiting


def test_a_source_that_fails_or_ends_is_said() -> None:
    """The reason is a sentence, the lines so far stay, and no thread is left."""

    def failing(stop: threading.Event) -> Iterator[pd.DataFrame]:
        yield frame(line(0))
        raise ValueError("secret")

    explorer = Explorer(FrameStore(frame()), follow=failing).show(Screens())
    until(lambda: threads() == [])
    state = explorer._state()
    assert "ValueError" in state["problem"]["text"]
    assert "secret" not in state["problem"]["text"]
    assert state["live"]["state"] == "ended"
    assert explorer.hits == 1
    explorer.stop()
    assert (explorer._state()["problem"], explorer.hits) == (state["problem"], 1)


class Removed(Iterator[pd.DataFrame]):
    """A container's log that ends; lines of it were rotated away meanwhile."""

    def __init__(self) -> None:
        self.ended = ""
        self._left = [frame(line(0)), frame(line(1), line(2))]
        self._left[1].attrs["gaps"] = [logs.Gap(0, "rotated away" + SCRIPT)]

    def __next__(self) -> pd.DataFrame:
        if not self._left:
            self.ended = "the container was removed"
            raise StopIteration
        return self._left.pop(0)


def test_what_may_be_missing_is_said() -> None:
    """Gaps and the last one's reason, lines that were dropped, and why no more come; none of it acts on the page."""
    explorer = Explorer(FrameStore(max_rows=2), follow=lambda _: Removed()).show(Screens())
    until(lambda: threads() == [])
    gap, dropped, ended = explorer._state()["missed"]
    assert gap.startswith("1 gap: rotated away<script>")
    assert ACTIVE.search(gap.replace("<script", "")) is None
    assert (dropped, ended) == ("1 oldest line dropped", "ended: the container was removed")
    page = explorer.page()
    assert "1 gap: rotated away&lt;script" in page.html
    assert "1 oldest line dropped" in page.text
