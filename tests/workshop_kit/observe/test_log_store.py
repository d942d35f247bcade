"""A log in memory as a table: complete, numbered, bounded, live, and open to reading only."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workshop_kit.errors import WorkshopError
from workshop_kit.observe import logs
from workshop_kit.observe.log_store import FrameStore, LogStore
from workshop_kit.observe.log_store.database import Database
from workshop_kit.observe.log_store.tables import agreed, table_of
from workshop_kit.observe.logs.window import Gap

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


def test_it_is_a_log_store(store: FrameStore) -> None:
    """The explorer and the lesson take any store."""
    asked: LogStore = store
    assert list(asked.columns)[:10] == [
        *("ts", "received", "stream", "attrs", "service", "environment", "container", "level", "logger", "msg")
    ]
    assert list(asked.columns)[-4:] == ["rest", "raw", "reason", "row"]
    assert asked.columns["ts"].startswith("TIMESTAMP")


def test_every_line_is_a_row_in_order(store: FrameStore) -> None:
    """``row`` counts from 0, and times come back in UTC to the nanosecond."""
    found = store.sql("SELECT row, n, ts FROM logs ORDER BY row")
    assert list(found["row"]) == list(found["n"]) == list(range(100))
    assert str(found["ts"].dtype) == "datetime64[ns, UTC]"
    assert found["ts"][1] == pd.Timestamp(f"{SECOND}01Z")


def test_pages_hold_every_line_once(store: FrameStore) -> None:
    """From the newest page to the oldest, nothing is skipped and nothing comes twice."""
    pages, before = [], None
    while len(page := store.search("", 30, before=before)):
        pages.append(list(page["row"]))
        before = int(page["row"].iloc[0])
    assert [len(page) for page in pages] == [30, 30, 30, 10]
    assert [row for page in reversed(pages) for row in page] == list(range(100))


def test_the_histogram_counts_what_is_found(store: FrameStore) -> None:
    """All lines found are in it, by level, and what is shown is the whole log whatever is found."""
    found = store.histogram("level:error", 20)
    assert found["lines"].sum() == store.count("level:error") == 10
    assert set(found["level"]) == {"error"}
    assert found.attrs["start"] == pd.Timestamp(f"{SECOND}00Z")
    assert found.attrs["end"] == pd.Timestamp(f"{SECOND}59Z")
    assert store.histogram("", 20)["start"].nunique() <= 20


def test_a_range_of_time_narrows_all(store: FrameStore) -> None:
    """From its start up to, but not with, its end."""
    between = (f"{SECOND}10Z", pd.Timestamp(f"{SECOND}20Z").to_pydatetime())
    assert store.count("", between=between) == 20
    assert set(store.search("", between=between)["n"] % 60) == set(range(10, 20))
    assert store.histogram("", between=between)["lines"].sum() == 20


def test_a_request_is_found_across_services(store: FrameStore) -> None:
    """``around`` gives all lines of a request by time, whichever service wrote them."""
    store.add(frame(line(29, request_id="r7")), service="payment")
    found = store.around("r7")
    assert list(found["n"]) == [28, 29, 29, 30, 31]
    assert list(found["service"]) == ["orders", "orders", "payment", "orders", "orders"]
    assert store.around("r'; DROP TABLE logs").empty


def test_the_oldest_go_when_it_is_full_and_it_says_so() -> None:
    """``max_rows`` are kept, ``dropped`` says how many are not, and the numbers go on."""
    with FrameStore(max_rows=250) as store:
        for start in range(0, 1_000, 7):
            store.add(frame(*(line(n) for n in range(start, min(start + 7, 1_000)))))
        assert (len(store), store.dropped) == (250, 750)
        found = store.sql("SELECT row, n FROM logs ORDER BY row")
        assert list(found["row"]) == list(found["n"]) == list(range(750, 1_000))


def test_many_small_frames_make_few_parts() -> None:
    """A live log of many frames stays quick to scan."""
    with FrameStore() as store:
        for n in range(300):
            store.add(frame(line(n)))
        assert len(store) == 300
        assert store._table().column("n").num_chunks < 15


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


def test_nulls_do_not_decide_a_type() -> None:
    """A field that was only null takes the type of its first value, however late that comes; then it keeps it."""
    with FrameStore(frame(*(line(n, status=None) for n in range(3)))) as store:
        store.add(frame(line(3)))
        store.add(frame(line(4, status=None)))
        assert store.sql("SELECT count(status) AS many FROM logs")["many"][0] == 0
        store.add(frame(line(5, status=503)))
        store.add(frame(line(6, status=None), line(7, status=200)))
        store.add(frame(line(8, status="unknown")))
        assert store.columns["status"] == "BIGINT"
        found = store.sql("SELECT row FROM logs WHERE status >= 400")
        assert list(found["row"]) == [5]
        assert store.count("status>=200") == 2
        assert store.sql("SELECT rest->>'status' AS other FROM logs WHERE row = 8")["other"][0] == "unknown"


def test_a_part_of_nulls_has_no_vote() -> None:
    """Where tables become one, those that know nothing of a field do not outvote the one value that is there."""
    nulls, one = (table_of(frame(line(0, status=status)), {}) for status in (None, 500))
    assert agreed([nulls, one])["status"] == "int"
    assert agreed([nulls])["status"] == "text"


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


def test_an_empty_log_has_answers_too() -> None:
    """Before the first line there is nothing to find, and no mistake."""
    with FrameStore() as store:
        assert (len(store), store.count("level:error"), store.count("status>=500")) == (0, 0, 0)
        assert store.search("anything").empty
        assert store.histogram().empty
        assert store.around("r1").empty
        assert store.gaps().empty


def test_threads_may_ask_while_lines_come(store: FrameStore) -> None:
    """Widgets ask from several threads; each gets a whole answer of one moment."""
    stop = threading.Event()

    def write() -> None:
        n = 100
        while not stop.is_set():
            store.add(frame(*(line(n + more) for more in range(50))))
            n += 50

    def ask(_: int) -> bool:
        found = store.sql("SELECT count(*) AS lines, max(row) + 1 AS last, count(DISTINCT n) AS apart FROM logs")
        lines, last, apart = found.iloc[0]
        return bool(lines == last == apart) and store.count("level:error") == 10

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(ask, range(120)))
    finally:
        stop.set()
        writer.join()
    assert len(store) > 100


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_json_auto('{file}')",
        "SELECT * FROM parquet_scan('{file}')",
        "SELECT * FROM glob('{file}*')",
        "COPY logs TO '{file}'",
        "COPY (SELECT 1) TO '{file}'",
        "EXPORT DATABASE '{file}.d'",
        "ATTACH '{file}' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 1",
        "RESET lock_configuration",
        "PRAGMA database_list",
        "CREATE TABLE mine (n INT)",
        "CREATE VIEW logs AS SELECT 1",
        "DROP VIEW logs",
        "DELETE FROM logs",
        "EXPLAIN ANALYZE CREATE TABLE mine (n INT)",
        "CALL duckdb_settings()",
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
        ("SELECT\n\tstauts FROM logs", '"stauts" not found.*line 2, character 2', "Candidate"),
        ("SELECT '日本', stauts FROM logs", '"stauts" not found.*line 1, character 14', "Candidate"),
        ("SELECT * FROM lines", r"lines does not exist.*line 1, character 15", "Ask the table logs"),
        ("SELECT " + "1, " * 100 + "lvel FROM logs", r'"lvel" not found.*line 1, character 308', "Candidate"),
        ("SELECT CAST(msg AS INT) FROM logs", "Could not convert string", "Correct"),
    ],
)
def test_a_mistake_in_sql_has_its_place(store: FrameStore, query: str, says: str, advice: str) -> None:
    """One sentence with the line and the character, and what to do."""
    with pytest.raises(WorkshopError, match=says) as mistake:
        store.sql(query)
    assert mistake.value.next_step.startswith(advice)


def test_an_answer_without_end_is_stopped(store: FrameStore) -> None:
    """A forgotten condition of a join does not take the kernel's memory."""
    with pytest.raises(WorkshopError, match="more than 8 MB"), Database() as database:
        database.ask("SELECT * FROM range(100000000) a, range(100000000) b", max_bytes=8 * 2**20)
    with pytest.raises(WorkshopError, match=r"not convert string 'x'.*line 1, character 8"):
        store.sql("SELECT CAST(if(range < 500000, '1', 'x') AS INT) FROM range(1000000)")


def test_what_a_line_holds_does_not_act_in_a_message() -> None:
    """DuckDB quotes values in its errors: control characters of a log are written out."""
    with FrameStore(frame(json.dumps({"msg": "\x1b[31mred"}))) as store, pytest.raises(WorkshopError) as mistake:
        store.sql("SELECT CAST(msg AS INT) FROM logs")
    assert "\x1b" not in str(mistake.value) + mistake.value.output
    assert r"\x1b[31mred" in str(mistake.value)


def test_a_query_without_end_is_stopped(store: FrameStore) -> None:
    """A kernel is not blocked for ever, and the store answers after it."""
    with pytest.raises(WorkshopError, match="took more than"), Database() as database:
        database.ask("SELECT count(*) FROM range(100000000) a, range(100000000) b", timeout_seconds=0.5)
    assert store.count() == 100
