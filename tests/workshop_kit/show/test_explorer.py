"""The log explorer without a page: messages in, answers out. What is clicked is tested in tests/browser."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.log_store import FrameStore
from workshop_kit.show.explorer import Explorer
from workshop_kit.show.explorer.desk import Desk
from workshop_kit.show.explorer.hits import LEVELS, Hits, grown, histogram, step_for, survey
from workshop_kit.show.explorer.looking import CELL_CHARACTERS, PAGE_ROWS, VALUE_CHARACTERS
from workshop_kit.show.explorer.static import static
from workshop_kit.show.live import Screens

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


def desk(count: int = 600, *more: str) -> Desk:
    """A desk over so many lines, that has looked at them all."""
    made = Desk(FrameStore(frame(*map(line, range(count)), *more)))
    made.ask({"do": "search", "query": ""})
    assert made.problem == {}
    return made


def messages(made: Desk) -> list[str]:
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
    made = desk(250)
    assert (made.shown["hits"], made.shown["total"], made.shown["pages"]) == (250, 250, 3)
    found = messages(made)
    assert found[0] == "line 249"
    assert len(found) == PAGE_ROWS
    for page in (1, 2):
        made.ask({"do": "page", "page": page})
        found += messages(made)
    assert found == [f"line {number}" for number in reversed(range(250))]


def test_a_page_past_the_last_is_the_last() -> None:
    """Whatever page is asked for, lines are shown."""
    made = desk(250)
    made.ask({"do": "page", "page": 99})
    assert made.shown["page"] == 2
    made.ask({"do": "page", "page": -5})
    assert made.shown["page"] == 0


def test_a_search_counts_what_it_finds() -> None:
    """The number of hits, the bars and the lines are of the search; the whole number stays."""
    made = desk()
    made.ask({"do": "search", "query": "status>=500"})
    assert (made.shown["hits"], made.shown["total"]) == (100, 600)
    assert sum(map(sum, made.shown["bars"]["counts"])) == 100
    assert all(row["status"] == "500" for row in made.shown["rows"])


def test_a_mistake_has_its_position_and_changes_nothing() -> None:
    """The sentence, what was typed and where; the view stays, and the next search clears it."""
    made = desk()
    made.ask({"do": "search", "query": "level:error"})
    before = made.shown
    made.ask({"do": "search", "query": "level:error status>="})
    assert made.problem["query"] == "level:error status>="
    assert made.problem["position"] == 20
    assert (made.shown, made.view.query) == (before, "level:error")
    made.ask({"do": "search", "query": "level:info"})
    assert made.problem == {}


def test_the_caret_stands_below_what_is_written_out() -> None:
    """A control character in the search takes several on the page; the position counts those."""
    made = desk()
    made.ask({"do": "search", "query": "\x1b status>="})
    assert made.problem["query"][: made.problem["position"]] == "\\x1b status>="


def test_a_field_that_no_line_has_is_a_mistake() -> None:
    """A misspelled field does not read as "no such lines", negated or not."""
    made = desk()
    for query in ("statsu:500", "-statsu:500"):
        made.ask({"do": "search", "query": query})
        assert "statsu" in made.problem["text"]
        assert made.shown["hits"] == 600


def test_levels_are_counted_by_what_they_mean() -> None:
    """Warn is warning, fatal counts as error, what is no level of ours is other."""
    counts = desk().shown["bars"]["counts"]
    assert dict(zip(LEVELS, map(sum, counts), strict=True)) == {
        "error": 200,
        "warning": 100,
        "info": 100,
        "debug": 100,
        "other": 100,
    }


def test_a_line_is_painted_as_it_is_counted() -> None:
    """The table and the bars agree on every name of a level, in upper or lower case; a line without one is other."""
    names = {"CRITICAL": "error", "fatal": "error", "panic": "error", "err": "error", "WARN": "warning"}
    names |= {"notice": "info", "trace": "debug", "information": "other", "": "other"}
    made = desk(0, *(line(n, level=name) for n, name in enumerate(names)), "no JSON")
    assert [row["counted"] for row in reversed(made.shown["rows"])] == ["other", *names.values()]
    drawn = dict(zip(LEVELS, map(sum, made.shown["bars"]["counts"]), strict=True))
    assert drawn == {level: list(names.values()).count(level) for level in LEVELS}


def test_a_span_takes_what_is_in_it() -> None:
    """Its begin belongs to it, its end does not; the bars are finer in it; the whole time comes back."""
    made = desk()
    coarse = made.shown["bars"]["step"]
    made.ask({"do": "span", "from": BEGAN + 60 * SECOND, "to": BEGAN + 90 * SECOND})
    assert made.shown["hits"] == 30
    assert messages(made) == [f"line {number}" for number in reversed(range(60, 90))]
    assert made.shown["bars"]["step"] < coarse
    made.ask({"do": "search", "query": "status:500"})
    assert made.shown["hits"] == 5
    made.ask({"do": "whole"})
    assert made.shown["hits"] == 100


def test_one_request_is_shown_oldest_first_and_left_again() -> None:
    """All its lines of all services, whatever was searched and wherever one was; "back" goes there."""
    made = desk()
    made.ask({"do": "search", "query": "status:500"})
    made.ask({"do": "span", "from": BEGAN, "to": BEGAN + 300 * SECOND})
    row = made.shown["rows"][0]["row"]
    made.ask({"do": "request", "row": row})
    assert made.shown["request"] == "r98"
    assert messages(made) == ["line 294", "line 295", "line 296"]
    assert {row["service"] for row in made.shown["rows"]} == {"web", "db"}
    made.ask({"do": "request", "row": 0})
    assert made.shown["request"] == "r0"
    made.ask({"do": "back"})
    assert (made.shown["request"], made.shown["hits"]) == ("", 50)


def test_a_request_id_is_a_value_and_never_sql() -> None:
    """What a line says its request is may hold quotes, stars and more."""
    hostile = """x' OR 1=1 -- " * \\ (""" + SCRIPT
    made = desk(10, line(10, request_id=hostile))
    made.ask({"do": "request", "row": 10})
    assert messages(made) == ["line 10"]
    assert made.problem == {}


def test_a_line_without_a_request_says_so() -> None:
    """The sentence names what to do instead."""
    made = desk(3, "plain text")
    made.ask({"do": "request", "row": 3})
    assert "names no request" in made.problem["text"]


def test_an_opened_line_has_all_it_said() -> None:
    """Every field, what is in no column, a text that is no JSON with its reason; nulls are left out."""
    made = desk(3, "Traceback <b>", line(4, extra={"deep": [1]}, status="none", huge=10**30))
    made.ask({"do": "open", "row": 3})
    fields = dict(made.opened["fields"])
    assert fields["raw"] == "Traceback <b>"
    assert fields["reason"] == "plain text"
    assert "msg" not in fields
    made.ask({"do": "open", "row": 4})
    fields = dict(made.opened["fields"])
    assert fields["ts"] == "2026-11-24T21:00:04.000000000Z"
    assert json.loads(fields["extra"]) == {"deep": [1]}
    assert (fields["status"], fields["huge"]) == ("none", str(10**30))


def test_a_traceback_in_a_field_keeps_its_lines() -> None:
    """Line ends of a value are line ends in the opened line; every other control character is written out."""
    made = desk(0, line(0, error="a\n  b\x1b[31m\r"))
    made.ask({"do": "open", "row": 0})
    assert dict(made.opened["fields"])["error"] == "a\n  b\\x1b[31m\\r"


def test_what_goes_to_the_page_is_bounded() -> None:
    """A page of megabyte lines is small, and an opened one is cut, with how much is missing."""
    made = desk(0, *(line(number, msg="x" * 2**20) for number in range(20)))
    assert max(len(text) for text in messages(made)) == CELL_CHARACTERS + 1
    assert len(json.dumps(made.shown)) < 20_000
    made.ask({"do": "open", "row": 0})
    said = dict(made.opened["fields"])["msg"]
    assert said.endswith(f"and {2**20 - VALUE_CHARACTERS:,} more characters")
    assert len(said) < VALUE_CHARACTERS + 100


def test_no_control_character_reaches_the_page() -> None:
    """Field names, values, levels, requests and searches are made visible before they are sent."""
    planted = line(0, msg=SCRIPT, level=SCRIPT, service=SCRIPT, request_id=SCRIPT, **{SCRIPT: SCRIPT})
    made = desk(0, planted, SCRIPT)
    for message in ({"do": "open", "row": 0}, {"do": "request", "row": 0}, {"do": "search", "query": SCRIPT + " a:"}):
        made.ask(message)
        sent = list(texts([made.shown, made.opened, made.problem]))
        assert any("\\x1b[31m\\u202e" in text for text in sent)
        assert [text for text in sent if "\x1b" in text or "\u202e" in text] == []


def test_the_twin_escapes_everything() -> None:
    """No tag or control byte of a line, a search or a title is in the page without a kernel, or in its text."""
    made = desk(2, line(2, msg=SCRIPT, level=SCRIPT, service=SCRIPT), SCRIPT)
    made.ask({"do": "search", "query": '"<script>"'})
    assert made.shown["hits"] == 2
    shown = static("Title", SCRIPT, made.shown, SCRIPT.replace("\x1b", "").replace("\u202e", ""))
    page = shown.html.replace("<style>", "")
    assert ACTIVE.findall(page) == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202e" in page
    assert "\x1b" not in shown.text


def test_the_twin_has_a_picture_with_words_and_a_table() -> None:
    """The alt text tells levels, begin and end; the table has the newest lines."""
    shown = Explorer(desk().store, "status:500").show(Screens(headless=True)).page()
    assert 'alt="Lines by level from 2026-11-24 21:00:00' in shown.html
    assert "100 error" in shown.text
    assert shown.html.count("<tr>") == 21
    assert "100 of 600 lines" in shown.text


def test_lines_without_a_time_are_found_but_on_no_bar() -> None:
    """They stand behind all others, and their number is said."""
    made = desk(10, "no time here")
    assert (made.shown["hits"], made.shown["untimed"]) == (11, 1)
    assert sum(map(sum, made.shown["bars"]["counts"])) == 10
    assert made.shown["rows"][-1]["msg"] == "no time here"
    made.ask({"do": "span", "from": 0, "to": BEGAN + 3600 * SECOND})
    assert made.shown["hits"] == 10


def test_an_empty_store_is_a_page_too() -> None:
    """No line, no bar, no error: in the widget and in the twin."""
    made = desk(0)
    assert (made.shown["hits"], made.shown["rows"]) == (0, [])
    assert "No line with a time matches." in static("T", "", made.shown).text


def test_lines_that_come_late_stand_where_their_time_is() -> None:
    """Order is by time, then by arrival, also when more are added."""
    store = FrameStore(frame(line(5), line(3)))
    hits = grown(Hits("TRUE", ()), store, survey(store))
    store.add(frame(line(4), line(3)))
    hits = grown(hits, store, survey(store))
    assert hits.row.tolist() == [1, 3, 2, 0]


def test_what_the_store_drops_is_dropped() -> None:
    """A store that keeps the newest lines only has no others on the page, and no page is empty."""
    store = FrameStore(frame(*map(line, range(500))), max_rows=500)
    made = Desk(store)
    made.follows = True
    made.ask({"do": "search", "query": ""})
    made.add(frame(*map(line, range(500, 800))))
    made.refresh()
    assert (made.shown["hits"], made.shown["total"]) == (500, 500)
    made.ask({"do": "page", "page": 4})
    assert messages(made)[-1] == "line 300"


@pytest.mark.parametrize("span", [1, 59, 61, 10**6, 3600 * 10**6, 86_400 * 10**6, 400 * 86_400 * 10**6, 2**62])
def test_bars_are_round_and_few(span: int) -> None:
    """However long the time is, it has at most 60 bars, and they cover it."""
    first = 1_000_003
    bars = histogram(Hits("TRUE", ()), (first, first + span))
    many = len(bars.counts[0])
    assert 1 <= many <= 60
    assert bars.first_us <= first
    assert bars.first_us + many * bars.step_us >= first + span
    assert step_for(span, 60) == bars.step_us


def test_new_lines_wait_while_somebody_reads() -> None:
    """Opening a line pauses: new lines that match are counted, not shown; resuming shows them."""
    made = desk(10)
    made.follows = True
    made.ask({"do": "open", "row": 3})
    made.add(frame(*map(line, range(10, 25))))
    made.refresh()
    assert (made.paused, made.new, messages(made)[0]) == (True, 15, "line 9")
    made.ask({"do": "page", "page": 0})
    assert messages(made)[0] == "line 9"
    made.ask({"do": "resume"})
    assert (made.paused, made.new, messages(made)[0]) == (False, 0, "line 24")


def test_a_field_that_comes_later_is_found() -> None:
    """A search is read anew when a new field has become a column."""
    made = desk(10)
    made.follows = True
    made.ask({"do": "search", "query": "line OR extra"})
    made.add(frame(line(10, msg="none", note="an extra word")))
    made.refresh()
    assert made.shown["hits"] == 11


def test_a_store_that_changes_meanwhile_shows_no_wrong_line() -> None:
    """Where numbers may mean other lines now, nothing is opened: the table is renewed, and the sentence says so."""
    made = desk(10)
    version = made.shown["version"]
    for message in ({"do": "open", "row": 3}, {"do": "request", "row": 3}):
        made.store.add(frame(line(10)))  # type: ignore[attr-defined]
        made.ask(message)
        assert "the table was renewed" in made.problem["text"]
        assert (made.opened, made.shown["request"]) == ({}, "")
    assert made.shown["hits"] == 12
    assert made.shown["version"] > version
    made.ask({"do": "open", "row": 3})
    assert made.problem == {}


def test_the_same_search_again_is_a_new_one() -> None:
    """Enter on the same words counts from now: "the last hour" is another by then."""
    made = desk(1)
    made.ask({"do": "search", "query": "ts>-1h"})
    before = list(made._hits.parameters)
    made.ask({"do": "page", "page": 0})
    assert list(made._hits.parameters) == before
    made.ask({"do": "search", "query": "ts>-1h"})
    assert list(made._hits.parameters) > before


class Broken(FrameStore):
    """A store that fails on demand."""

    error: Exception | None = None

    def sql(self, query: str, parameters: Any = ()) -> pd.DataFrame:
        """Fail, or answer."""
        if self.error is not None:
            raise self.error
        return super().sql(query, parameters)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (WorkshopError("The bucket is away.", "Start the stack."), "The bucket is away."),
        (ValueError("secret"), "ValueError"),
    ],
)
def test_an_error_of_the_store_is_a_sentence(error: Exception, said: str) -> None:
    """What was shown stays; of an error that is not ours the page has the kind only; the next answer clears it."""
    store = Broken(frame(*map(line, range(10))))
    made = Desk(store)
    made.ask({"do": "search", "query": ""})
    store.error = error
    made.ask({"do": "search", "query": "level:error"})
    assert said in made.problem["text"]
    assert "secret" not in made.problem["text"]
    assert made.shown["hits"] == 10
    store.error = None
    made.ask({"do": "search", "query": "level:error"})
    assert made.problem == {}


@pytest.mark.parametrize(
    "message",
    [{}, {"do": "drop"}, {"do": "open", "row": "x"}, {"do": "span", "from": None}, {"do": "page"}, {"hello": 1}],
)
def test_a_message_that_makes_no_sense_harms_nothing(message: dict[str, Any]) -> None:
    """Whatever the page sends, no error leaves the desk and what was shown stays."""
    made = desk(10)
    made.ask(message)
    assert made.shown["hits"] == 10


def test_many_threads_may_ask_at_once() -> None:
    """Searches, pages and new lines at the same time: no error, and the last search is what is shown."""
    made = desk(300)
    problems: list[dict[str, Any]] = []

    def asks(number: int) -> None:
        for turn in range(4):
            made.ask({"do": "search", "query": f"line {number}"})
            made.ask({"do": "page", "page": turn})
            made.add(frame(line(1_000 + turn)))
            made.refresh()
            problems.append(made.problem)

    running = [threading.Thread(target=asks, args=(number,)) for number in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert problems == [{}] * 16
    made.ask({"do": "search", "query": ""})
    assert made.shown["hits"] == 316


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
    """Lines come by themselves; told at most four times a second; `stop` leaves no thread and keeps the lines."""
    explorer = Explorer(FrameStore(frame()), follow=ticking).show(Screens())
    answers = set()
    began = time.monotonic()
    while time.monotonic() < began + 1.5:
        answers.add(explorer.hits)
        time.sleep(0.005)
    took = time.monotonic() - began
    explorer.stop()
    assert 2 <= len(answers) <= 4 * took + 2
    assert threads() == []
    kept = explorer.hits
    explorer.desk.ask({"do": "search", "query": "level:info"})
    assert 0 < explorer.hits < kept


def test_a_cell_that_runs_again_ends_the_one_before() -> None:
    """Under one name one explorer follows; all end with the screens."""
    screens = Screens()
    for _ in range(3):
        Explorer(FrameStore(frame()), follow=ticking).show(screens)
    assert len(threads()) == 2
    screens.stop()
    assert threads() == []


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


def test_what_the_collector_missed_is_said() -> None:
    """Its gaps stand in the log itself; the last one's reason is told. Nothing is said where nothing is missing."""
    assert desk().missed == []
    said = {"logger": "collector", "msg": "GAP"}
    made = desk(5, line(5, **said, reason="the disk was full"), line(6, **said, reason="rotated away"))
    assert made.missed == ["2 gaps, the last: rotated away"]


def test_what_came_during_a_pause_is_shown_when_it_ends() -> None:
    """Without anything to follow there is no pause: the lines that waited are there."""
    explorer = Explorer(FrameStore(frame()), follow=ticking).show(Screens())
    explorer.desk.ask({"do": "pause"})
    until(lambda: explorer.desk.new > 3)
    waiting, shown = explorer.desk.new, explorer.hits
    assert explorer._state()["live"]["state"] == "paused"
    explorer.stop()
    assert explorer.hits >= shown + waiting
    assert explorer._state()["live"] == {"state": "ended", "new": 0}


def test_headless_follows_for_a_while_and_shows_the_twin() -> None:
    """Without a page it ends by itself, with lines in it."""
    explorer = Explorer(FrameStore(frame()), follow=ticking, headless_seconds=0.5).show(Screens(headless=True))
    assert threads() == []
    assert explorer.hits > 0
    assert "wk-static" in explorer.page().html
