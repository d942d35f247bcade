"""The explorer's model: messages in, page data out. Clicks are tested in tests/browser."""

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
    """A model over so many lines, after a search for all."""
    made = ExplorerModel(FrameStore(frame(*map(line, range(count)), *more)))
    made.handle({"do": "search", "query": ""})
    assert made.problem == {}
    return made


def messages(made: ExplorerModel) -> list[str]:
    """The messages on the page, from top to bottom."""
    return [row["msg"] for row in made.page["rows"]]


def texts(data: Any) -> Iterator[str]:
    """Yield every text in the data, names included."""
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


def test_pages_have_100_lines_newest_first() -> None:
    """All pages have every line once."""
    made = model(250)
    assert (made.page["hits"], made.page["total"], made.page["pages"]) == (250, 250, 3)
    found = messages(made)
    assert found[0] == "line 249"
    assert len(found) == PAGE_ROWS
    for page in (1, 2):
        made.handle({"do": "page", "page": page})
        found += messages(made)
    assert found == [f"line {number}" for number in reversed(range(250))]


def test_a_mistake_has_its_position_and_changes_nothing() -> None:
    """The view stays, and the next search clears the problem."""
    made = model()
    made.handle({"do": "search", "query": "level:error"})
    before = made.page
    made.handle({"do": "search", "query": "level:error status>="})
    assert made.problem["query"] == "level:error status>="
    assert made.problem["position"] == 20
    assert (made.page, made.view.query) == (before, "level:error")
    made.handle({"do": "search", "query": "level:info"})
    assert made.problem == {}


def test_a_span_includes_its_start_and_excludes_its_end() -> None:
    """The bars are finer in a span; "whole" removes it."""
    made = model()
    coarse = made.page["bars"]["step"]
    made.handle({"do": "span", "from": BEGAN + 60 * SECOND, "to": BEGAN + 90 * SECOND})
    assert made.page["hits"] == 30
    assert messages(made) == [f"line {number}" for number in reversed(range(60, 90))]
    assert made.page["bars"]["step"] < coarse
    made.handle({"do": "search", "query": "status:500"})
    assert made.page["hits"] == 5
    made.handle({"do": "whole"})
    assert made.page["hits"] == 100


def noisy() -> ExplorerModel:
    """One error and another among hundreds of warnings that say the same."""
    noise = [line(number, level="warning", msg="slow", service="web") for number in range(300)]
    rare = [line(100, level="error", msg="pool exhausted", service="db"), line(101, level="warning", msg="retry")]
    return model(0, *noise[:100], *rare, *noise[100:])


def test_a_search_with_a_level_groups_identical_messages() -> None:
    """Each row has its number of lines; grouping can be switched off and on."""
    made = noisy()
    assert (made.page["groups"], len(messages(made))) == (-1, 100)
    made.handle({"do": "search", "query": "level>=warning"})
    assert [(row["lines"], row["msg"]) for row in made.page["rows"]] == [
        ("300", "slow"), ("1", "retry"), ("1", "pool exhausted")
    ]  # fmt: skip
    assert (made.page["hits"], made.page["groups"], made.page["pages"]) == (302, 3, 1)
    assert "302 of 302 lines; the newest 3 of 3 different messages" in static_page("T", "", made.page).text
    version = made.page["version"]
    made.handle({"do": "group", "on": False})
    assert (made.page["groups"], made.page["hits"], len(messages(made))) == (-1, 302, 100)
    assert made.page["version"] > version
    made.handle({"do": "search", "query": "msg:*"})
    made.handle({"do": "group", "on": True})
    assert len(messages(made)) == 3
    made.handle({"do": "span", "from": BEGAN + 95 * SECOND, "to": BEGAN + 101 * SECOND})
    assert sorted(row["lines"] for row in made.page["rows"]) == ["1", "6"]
    made.handle({"do": "open", "row": made.page["rows"][-1]["row"]})
    assert dict(made.opened["fields"])["msg"] in ("slow", "pool exhausted")


def test_a_request_is_shown_oldest_first_and_back_returns() -> None:
    """All its lines of all services; "back" returns to the search and the span."""
    made = model()
    made.handle({"do": "search", "query": "status:500"})
    made.handle({"do": "span", "from": BEGAN, "to": BEGAN + 300 * SECOND})
    row = made.page["rows"][0]["row"]
    made.handle({"do": "request", "row": row})
    assert made.page["request"] == "r98"
    assert messages(made) == ["line 294", "line 295", "line 296"]
    assert {row["service"] for row in made.page["rows"]} == {"web", "db"}
    made.handle({"do": "request", "row": 0})
    assert made.page["request"] == "r0"
    made.handle({"do": "back"})
    assert (made.page["request"], made.page["hits"]) == ("", 50)


def test_a_request_id_is_a_value_and_never_sql() -> None:
    """What a line says its request is may hold quotes, stars and more."""
    hostile = """x' OR 1=1 -- " * \\ (""" + SCRIPT
    made = model(10, line(10, request_id=hostile))
    made.handle({"do": "request", "row": 10})
    assert messages(made) == ["line 10"]
    assert made.problem == {}


def test_an_open_line_has_all_its_fields() -> None:
    """Also those without a column; plain text has its reason; nulls are left out."""
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
        sent = list(texts([made.page, made.opened, made.problem]))
        assert any("\\x1b[31m\\u202e" in text for text in sent)
        assert [text for text in sent if "\x1b" in text or "\u202e" in text] == []


def test_the_static_page_escapes_every_text() -> None:
    """Neither the page nor its text has a tag or a control byte of a line, a search or a title."""
    made = model(2, line(2, msg=SCRIPT, level=SCRIPT, service=SCRIPT), SCRIPT)
    made.handle({"do": "search", "query": '"<script>"'})
    assert made.page["hits"] == 2
    shown = static_page("Title", SCRIPT, made.page, SCRIPT.replace("\x1b", "").replace("\u202e", ""))
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
    """Wait for another thread."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_live_lines_are_shown_and_stop_ends_the_threads() -> None:
    """Lines wait while it is paused; `stop` shows them."""
    explorer = Explorer(FrameStore(frame()), follow=ticking).show(Screens())
    until(lambda: explorer.hits > 3)
    explorer.model.handle({"do": "pause"})
    until(lambda: explorer.model.new > 3)
    waiting, shown = explorer.model.new, explorer.hits
    explorer.stop()
    assert threads() == []
    assert explorer.hits >= shown + waiting


def test_a_failed_source_is_a_problem_in_one_sentence() -> None:
    """The lines so far stay, and no thread is left."""

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


def test_the_page_names_gaps_dropped_lines_and_the_end() -> None:
    """Their texts are escaped."""
    explorer = Explorer(FrameStore(max_rows=2), follow=lambda _: Removed()).show(Screens())
    until(lambda: threads() == [])
    gap, dropped, ended = explorer._state()["missed"]
    assert gap.startswith("1 gap: rotated away<script>")
    assert ACTIVE.search(gap.replace("<script", "")) is None
    assert (dropped, ended) == ("1 oldest line dropped", "ended: the container was removed")
    page = explorer.page()
    assert "1 gap: rotated away&lt;script" in page.html
    assert "1 oldest line dropped" in page.text
