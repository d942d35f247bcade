"""The search language and the store: each search finds its lines, or is a mistake with its position."""

from __future__ import annotations

import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

from tests.examples import given, settings, st
from tests.workshop_kit.observe.log_frames import frame
from workshop_kit.observe import logs
from workshop_kit.search.language import CHEAT_SHEET, SearchMistake, translate
from workshop_kit.search.log_table import BucketStore, FrameStore
from workshop_kit.untrusted_text import visible

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
    return FrameStore(frame(*EVENTS, PLAIN), service="orders")


def rows(store: FrameStore, text: str) -> set[int]:
    """Which lines a search finds."""
    where = store.where(text)
    return set(store.select(f"SELECT row FROM logs WHERE {where.sql}", where.parameters)["row"])


@pytest.mark.parametrize(
    ("text", "matches"),
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
        ("status!=200", {2, 3, 4, 5}),
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
def test_each_form_finds_its_lines(store: FrameStore, text: str, matches: set[int]) -> None:
    """And no others."""
    assert rows(store, text) == matches


def test_a_time_ago_counts_from_now(store: FrameStore) -> None:
    """``ts>-5m`` finds the last five minutes."""
    where = translate("ts>-5m", datetime(2026, 11, 24, 16, 12, tzinfo=UTC))
    assert set(store.select(f"SELECT row FROM logs WHERE {where.sql}", where.parameters)["row"]) == {4, 5}


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ('level:error "pool', 12, "quote is not closed"),
        ("pool)", 4, "closes nothing"),
        ("status:", 7, "value for status: is missing"),
        ("ts>yesterday", 3, "no time"),
        ("pool AND OR", 9, "something to look for is missing"),
        ("pool stauts:500", 5, "no line has a field stauts.*Did you mean 'status'"),
        ("(" * 30 + "a" + ")" * 30, 20, "nested"),
        ("a" * 600, 500, "500 characters"),
    ],
)
def test_a_mistake_has_its_position(store: FrameStore, text: str, position: int, says: str) -> None:
    """One sentence with the character."""
    with pytest.raises(SearchMistake, match=f"^At character {position + 1}: .*{says}") as mistake:
        store.where(text)
    assert mistake.value.position == position
    assert mistake.value.next_step.endswith((".", "?"))
    assert "\n" not in str(mistake.value)


def test_every_example_of_the_help_is_a_search() -> None:
    """CHEAT_SHEET can be translated."""
    for example, _ in CHEAT_SHEET:
        assert translate(example).sql


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
    where = translate("")
    position = 0
    sentence = ""
    try:
        where = translate(text)
    except SearchMistake as mistake:
        position = mistake.position
        sentence = str(mistake)
    assert 0 <= position <= len(text)
    assert sentence == visible(sentence)
    counts = store.select(f"SELECT count(*) AS lines, count(({where.sql})) AS decided FROM logs", where.parameters)
    assert list(counts.iloc[0]) == [7, 7]


@settings(max_examples=15, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_quoted_text_is_found_literally(text: str) -> None:
    """Nothing in quotes is read as language or SQL."""
    line = json.dumps({"msg": text, "other": 1})
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    store = FrameStore(frame(line))
    assert rows(store, f'"{escaped}"') == rows(store, f'msg:"{escaped}"') == {0}


def json_file(*lines: str, **attrs: str) -> bytes:
    """Lines as the engine's driver writes them, and the collector keeps them."""
    more = {"stream": "stdout", "time": "2026-11-24T16:06:00Z", "attrs": attrs}
    records = ({"log": f"{line}\n", **more} for line in lines)
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def collected(*lines: str, **attrs: str) -> pd.DataFrame:
    """The same as a frame."""
    return logs.read_json_file(json_file(*lines, **attrs))


def test_a_value_of_any_type_is_kept_and_found() -> None:
    """In frames in which the field has another type, too, digit for digit."""
    store = FrameStore(frame('{"size": 1, "ok": true}', '{"size": 2, "ok": false}'))
    store.add(frame('{"size": "large", "ok": {"a": 1}}', '{"size": 2.5, "ok": true}', '{"size": 9007199254740993}'))
    table = store.select("SELECT fields['size'] AS size, fields['ok'] AS ok FROM logs ORDER BY row")
    assert table["size"].tolist() == ["1", "2", "large", "2.5", "9007199254740993"]
    assert json.loads(table["ok"][2]) == {"a": 1}
    expected = {"size>1000": 1, "size:9007199254740993": 1, "size:9007199254740992": 0, "size:*": 5}
    assert {text: len(rows(store, text)) for text in expected} == expected


def test_the_place_of_a_line_comes_from_its_attrs() -> None:
    """The line's own value under the same name stays among its fields."""
    place = {"environment": "staging", "service": "orders", "container": "0123456789ab"}
    lines = collected('{"service": "inner", "row": 7, "Row": 8}', '{"service": "orders"}', "plain", **place)
    table = FrameStore(lines, service="other").select("SELECT * FROM logs ORDER BY row")
    assert [set(table[name]) for name in place] == [{value} for value in place.values()]
    assert table["fields"].tolist() == [{"service": "inner", "row": "7", "Row": "8"}, {}, {}]


def test_old_lines_are_dropped_and_gaps_of_collector_and_follower_are_listed() -> None:
    """Each gap by its reason."""
    gap = {"level": "error", "logger": "collector", "msg": "GAP", "service": "a", "reason": "rotated"}
    following = frame('{"n": 2}')
    following.attrs["gaps"] = ["the engine was away"]
    store = FrameStore(collected('{"n": 1}', json.dumps(gap), service="a"), max_rows=2)
    store.add(following, service="b")
    assert store.gaps() == ["rotated", "the engine was away"]
    assert (len(store), store.dropped, len(rows(store, ""))) == (2, 1, 2)


def test_queries_run_while_lines_are_added() -> None:
    """A query sees the table before or after new lines."""
    store = FrameStore(frame('{"status": 500}'))
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(rows, store, "level:error status>=500") for _ in range(60)]
        for n in range(30):
            store.add(frame(json.dumps({f"field{n}": n, "msg": "new", f"field{n - 1}": n + 0.5})))
    assert [future.result() for future in asked] == [set()] * 60
    assert [len(rows(store, text)) for text in ("field3:3", "field3:4.5")] == [1, 1]


class Objects(dict[str, bytes]):
    """A bucket's objects, with the calls of an S3 client that the store makes."""

    def client(self, _: str) -> Any:
        """The client."""
        return self

    get_paginator = client

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        """One page."""
        return [{"Contents": [{"Key": key} for key in self]}]

    def get_object(self, Key: str, **_: str) -> dict[str, Any]:
        """An object."""
        return {"Body": io.BytesIO(self[Key])}


def test_a_damaged_part_is_a_gap(tmp_path: Path) -> None:
    """The other parts are read; other objects are ignored."""
    packed = gzip.compress(json_file('{"n": 1}'))
    folder = "logs/staging/orders/2026/11/24/16"
    objects = {f"{folder}/whole.jsonl.gz": packed, f"{folder}/cut.jsonl.gz": packed[: len(packed) // 2]}
    store = BucketStore(cast(Any, Objects(objects | {"logs/staging/notes.txt": b"no part"})), "bucket", tmp_path)
    assert len(rows(store, "n:1")) == len(store) == 1
    assert store.gaps()[0].endswith("cut.jsonl.gz is damaged")
