"""Any text of a search is a condition, or a mistake with its position."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.screen import visible
from workshop_kit.search.conditions import condition
from workshop_kit.search.parser import CHEAT_SHEET, SearchMistake, parse
from workshop_kit.search.store import FrameStore

EVENTS: list[str] = [
    json.dumps(event)
    for event in (
        {"ts": "2026-11-24T16:05:59.999Z", "level": "debug", "msg": "Pool opened", "size": 5, "ok": True},
        {"ts": "2026-11-24T16:06:00Z", "level": "info", "msg": "request", "status": 200, "path": "/orders/1"},
        {"ts": "2026-11-24T16:06:30Z", "level": "warn", "msg": "request", "status": 404, "path": "/items/1"},
        {"ts": "2026-11-24T16:07:00Z", "level": "error", "msg": 'say "pool timeout"', "status": 500, "ok": False},
        {"ts": "2026-11-24T16:08:00Z", "level": "CRITICAL", "msg": "100% of a_b", "status": 503, "path": "/orders/2"},
        {"ts": "2026-11-24T16:09:00Z", "level": "error", "status": "half", "error": {"type": "KeyError"}},
    )
]
PLAIN = 'Traceback, with a "pool": timeout'
ALL = set(range(7))


@pytest.fixture(scope="module")
def store() -> FrameStore:
    """Seven lines: six events and one of plain text."""
    text = "\n".join([*EVENTS, PLAIN]) + "\n"
    return FrameStore(read_lines(text.encode()), service="orders")


def rows(store: FrameStore, text: str) -> set[int]:
    """Which lines a search finds."""
    sql, parameters = store.where(text)
    return set(store.select(f"SELECT row FROM logs WHERE {sql}", parameters)["row"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ALL),
        ("pool timeout", {3, 6}),
        ('"pool timeout"', {3}),
        (r'"say \"pool"', {3}),
        ("100%", {4}),
        ("-pool", {1, 2, 4, 5}),
        ("level>=warning", {2, 3, 4, 5}),
        ("status>=500", {3, 4}),
        ("-status:200", ALL - {1}),
        ("status:5*", {3, 4}),
        ("status:(200 OR 404)", {1, 2}),
        ("status:*", {1, 2, 3, 4, 5}),
        ("path:/orders/*", {1, 4}),
        ('path:"/orders/*"', set()),
        ("error.type:KeyError", {5}),
        ("ts>=2026-11-24T16:07", {3, 4, 5}),
        ("ts<2026-11-24T17:06+01:00", {0}),
        ("ts:2026-11-24T16:06", {1, 2}),
        ("pool OR level:error status:500", {0, 3, 6}),
        ("(pool OR level:error) status:500", {3}),
        ("-(pool OR level:error)", {1, 2, 4}),
        ('"or" OR "AND"', {1, 3, 4, 5}),
    ],
)
def test_each_form_finds_its_lines(store: FrameStore, text: str, found: set[int]) -> None:
    """And no others."""
    assert rows(store, text) == found


def test_a_time_ago_counts_from_now(store: FrameStore) -> None:
    """``ts>-5m`` finds the last five minutes."""
    parameters: list[object] = []
    sql = condition(parse("ts>-5m"), parameters, datetime(2026, 11, 24, 16, 12, tzinfo=UTC))
    assert set(store.select(f"SELECT row FROM logs WHERE {sql}", parameters)["row"]) == {4, 5}


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ('level:error "pool', 12, "quote is not closed"),
        ("pool)", 4, "closes nothing"),
        ("status:", 7, "value for status: is missing"),
        ("ts>yesterday", 3, "no time"),
        ("path>/o*", 5, "cannot be asked of a text with *"),
        ("pool stauts:500", 5, "no line has a field stauts.*Did you mean 'status'"),
        ("(" * 30 + "a" + ")" * 30, 20, "nested"),
        ("a" * 600, 500, "500 characters"),
    ],
)
def test_a_mistake_has_its_position(store: FrameStore, text: str, position: int, says: str) -> None:
    """One sentence with the character."""
    with pytest.raises(SearchMistake, match=f"^At character {position + 1}: .*{says.replace(' *', ' .')}") as mistake:
        store.where(text)
    assert mistake.value.position == position
    assert mistake.value.next_step.endswith((".", "?"))
    assert "\n" not in str(mistake.value)


def test_every_example_of_the_help_is_a_search() -> None:
    """CHEAT_SHEET parses."""
    for example, _ in CHEAT_SHEET:
        assert condition(parse(example), [])


PIECES = st.sampled_from(
    ["AND", "OR", "NOT", "-", "(", ")", '"', "\\", "*", ":", "!=", ">=", "'", ";", "--", "/*", "?", "$1", "level",
     "status", "ts", "ok", "rest", "raw", "error.type", "weird'\"name", "500", "1e999", "-5m", "9999-12-31", "true",
     " ", "\x00", "İ", "%", "_", "/", "\x1b[31m", "\n"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    text=st.one_of(st.text(), st.lists(PIECES, max_size=14).map("".join), st.lists(PIECES, max_size=14).map(" ".join))
)
def test_any_text_is_a_search_or_a_mistake(store: FrameStore, text: str) -> None:
    """The condition runs and is true or false for every line: no injection."""
    sql, position, said = "true", 0, ""
    parameters: list[object] = []
    try:
        sql = condition(parse(text), parameters)
    except SearchMistake as mistake:
        parameters, position, said = [], mistake.position, str(mistake)
    assert 0 <= position <= len(text)
    assert said == visible(said)
    assert "\n" not in said
    found = store.select(f"SELECT count(*) AS lines, count(({sql})) AS decided FROM logs", parameters)
    assert list(found.iloc[0]) == [7, 7]


@settings(max_examples=15, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_quoted_text_is_found_literally(text: str) -> None:
    """Nothing in quotes is read as language or SQL."""
    line = json.dumps({"msg": text, "other": 1})
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    store = FrameStore(read_lines(line.encode() + b"\n"))
    assert rows(store, f'"{escaped}"') == rows(store, f'msg:"{escaped}"') == {0}
