"""A log in memory as a table: complete, numbered, bounded, live, and open to reading only."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.logs import Gap
from workshop_kit.search import FrameStore
from workshop_kit.search.frame_store import select

SECOND = "2026-11-24T16:06:"


def line(n: int, **more: Any) -> str:
    """An event."""
    return json.dumps({"ts": f"{SECOND}{n % 60:02}.000Z", "level": "info", "msg": f"line {n}", "n": n, **more})


def frame(*lines: str) -> pd.DataFrame:
    """Lines as the reader gives them."""
    return logs.read_lines("".join(f"{one}\n" for one in lines).encode())


def collected(*lines: str, **attrs: str) -> pd.DataFrame:
    """Lines as the collector keeps them."""
    records = [
        json.dumps({"log": f"{one}\n", "stream": "stdout", "time": f"{SECOND}00.{n:09}Z", "attrs": attrs})
        for n, one in enumerate(lines)
    ]
    return logs.read_json_file("".join(f"{one}\n" for one in records).encode())


@pytest.fixture
def store() -> Iterator[FrameStore]:
    """A hundred events, every tenth an error."""
    lines = [line(n, level="error" if n % 10 == 0 else "info", request_id=f"r{n // 4}") for n in range(100)]
    with FrameStore(frame(*lines), service="orders") as store:
        yield store


def test_a_value_that_fits_no_column_is_kept() -> None:
    """A later frame may have a field of another type: the column keeps its type, the value stands in ``rest``."""
    with FrameStore(frame('{"size": 1, "ok": true}', '{"size": 2, "ok": false}')) as store:
        store.add(frame('{"size": "large", "ok": {"a": 1}}', '{"size": 2.5, "ok": true}', '{"size": 9007199254740993}'))
        found = store.sql("SELECT size, ok, rest FROM logs ORDER BY row")
        assert [None if pd.isna(one) else one for one in found["size"]] == [1, 2, None, 2.5, None]
        assert json.loads(found["rest"][2]) == {"size": "large", "ok": {"a": 1}}
        assert json.loads(found["rest"][4]) == {"size": 9007199254740993}
        assert store.count("size>1000") == 1
        assert store.count("size:*") == 5


def test_where_a_line_comes_from_is_told_by_its_attrs() -> None:
    """The collector's word counts; what the line itself says under the same name is kept."""
    told = {"environment": "staging", "service": "orders", "container": "0123456789ab"}
    lines = collected('{"service": "inner", "row": 7, "Row": 8}', '{"service": "orders"}', "plain", **told)
    with FrameStore(lines, service="other") as store:
        found = store.search()
        assert set(found["service"]) == {"orders"}
        assert set(found["environment"]) == {"staging"}
        assert set(found["container"]) == {"0123456789ab"}
        assert json.loads(found["rest"][0]) == {"service": "inner", "row": 7, "Row": 8}
        assert found["rest"].isna().tolist() == [False, True, True]


def test_a_gap_is_seen() -> None:
    """Where the collector, or the follow, cannot exclude a loss, the store says so."""
    gap = {"level": "error", "logger": "collector", "msg": "GAP", "service": "a", "container": "c", "reason": "rotated"}
    lines = collected(line(1), json.dumps({"ts": f"{SECOND}30Z", **gap, "from": "x", "to": None}), service="a")
    following = frame(line(2))
    following.attrs["gaps"] = [Gap(0, "the engine was away")]
    with FrameStore(lines) as store:
        store.add(following, service="b")
        found = store.gaps()
        assert list(found["reason"]) == ["rotated", "the engine was away"]
        assert list(found["service"]) == ["a", "b"]
        assert found["from"][0] == "x"
        assert store.count("msg:GAP") == 1


def test_lines_are_added_while_others_ask(store: FrameStore) -> None:
    """A query sees a table as it was before new columns and types, or after: never in between."""
    wrong: list[Exception] = []
    done = threading.Event()

    def asking() -> None:
        try:
            while not done.is_set():
                assert len(store.sql("SELECT * FROM logs ORDER BY row").columns) >= 14
                store.search("level:error status>=500")
        except Exception as error:
            wrong.append(error)

    store.add(frame('{"status": 500}'))
    threads = [threading.Thread(target=asking) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(30):
        store.add(frame(json.dumps({f"field{n}": n, "msg": "new", f"field{n - 1}": n + 0.5})))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.sql("SELECT field3 FROM logs WHERE field3 IS NOT NULL ORDER BY row")["field3"].tolist() == [3, 4.5]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "COPY logs TO '{file}'",
        "ATTACH '{file}' AS other",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "CREATE TABLE mine (n INT)",
        "DROP VIEW logs",
        "SELECT 1; DROP VIEW logs",
        "SELECT * FROM hidden",
        "",
    ],
)
def test_sql_only_reads_the_log(store: FrameStore, tmp_path: Path, query: str) -> None:
    """No file, no network, no setting, no variable of the notebook, nothing but one SELECT; and in one sentence."""
    hidden = pd.DataFrame({"n": [1]})
    file = tmp_path / "secret.csv"
    file.write_text("canary\n")
    with pytest.raises(WorkshopError) as refused:
        store.sql(query.format(file=file))
    assert "\n" not in str(refused.value)
    assert "canary" not in str(refused.value) + refused.value.output
    assert refused.value.__cause__ is None
    assert [one.name for one in tmp_path.iterdir()] == ["secret.csv"]
    assert file.read_text() == "canary\n"
    assert store.count() == 100
    assert len(hidden) == 1


@pytest.mark.parametrize(
    ("query", "says", "advice"),
    [
        ("SELECT stauts FROM logs", r'"stauts" not found.*line 1, character 8', "Candidate"),
        ("SELECT 1\nFROM logs\nWHERE n n", "syntax error.*line 3, character 9", "Correct"),
        ("SELECT * FROM lines", r"lines does not exist.*line 1, character 15", "Ask the table logs"),
        ("SELECT CAST(msg AS INT) FROM logs", "Could not convert string", "Correct"),
    ],
)
def test_a_mistake_in_sql_has_its_place(store: FrameStore, query: str, says: str, advice: str) -> None:
    """One sentence with the line and the character, and what to do."""
    with pytest.raises(WorkshopError, match=says) as mistake:
        store.sql(query)
    assert mistake.value.next_step.startswith(advice)


def test_a_query_without_end_is_stopped(store: FrameStore) -> None:
    """A kernel is not blocked for ever, and the store answers after it."""
    endless = "SELECT count(*) FROM range(100000000) a, range(100000000) b"
    with pytest.raises(WorkshopError, match="took more than"):
        select(store._connection, endless, seconds=0.5)
    assert store.count() == 100
