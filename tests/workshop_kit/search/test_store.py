"""FrameStore is a numbered, bounded table in which every value of a line is found; BucketStore names damaged parts."""

from __future__ import annotations

import gzip
import io
import json
import threading
from pathlib import Path
from typing import Any, cast

import pandas as pd

from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.observe import logs
from workshop_kit.search.store import BucketStore, FrameStore

SECOND = "2026-11-24T16:06:"


def line(n: int, **more: Any) -> str:
    """An event."""
    return json.dumps({"ts": f"{SECOND}{n % 60:02}.000Z", "level": "info", "msg": f"line {n}", "n": n, **more})


def frame(*lines: str) -> pd.DataFrame:
    """Lines as the reader gives them."""
    return read_lines("".join(f"{one}\n" for one in lines).encode())


def json_file(*lines: str, second: str = "00", **attrs: str) -> bytes:
    """Lines as the engine's driver writes them, and the collector keeps them."""
    records = (
        {"log": f"{one}\n", "stream": "stdout", "time": f"{SECOND}{second}.{n:09}Z", "attrs": attrs}
        for n, one in enumerate(lines)
    )
    return "".join(f"{json.dumps(one)}\n" for one in records).encode()


def collected(*lines: str, **attrs: str) -> pd.DataFrame:
    """The same as a frame."""
    return logs.read_json_file(json_file(*lines, **attrs))


def count(store: FrameStore, text: str) -> int:
    """How many lines a search finds."""
    sql, parameters = store.where(text)
    return int(store.select(f"SELECT count(*) AS lines FROM logs WHERE {sql}", parameters)["lines"][0])


def test_a_value_of_any_type_is_kept_and_found() -> None:
    """In frames in which the field has another type, too, digit for digit."""
    store = FrameStore(frame('{"size": 1, "ok": true}', '{"size": 2, "ok": false}'))
    store.add(frame('{"size": "large", "ok": {"a": 1}}', '{"size": 2.5, "ok": true}', '{"size": 9007199254740993}'))
    found = store.select("SELECT fields['size'] AS size, fields['ok'] AS ok FROM logs ORDER BY row")
    assert found["size"].tolist() == ["1", "2", "large", "2.5", "9007199254740993"]
    assert json.loads(found["ok"][2]) == {"a": 1}
    assert [count(store, text) for text in ("size>1000", "size:9007199254740993", "size:9007199254740992")] == [1, 1, 0]
    assert count(store, "size:*") == 5


def test_the_place_of_a_line_comes_from_its_attrs() -> None:
    """The line's own value under the same name stays among its fields."""
    told = {"environment": "staging", "service": "orders", "container": "0123456789ab"}
    lines = collected('{"service": "inner", "row": 7, "Row": 8}', '{"service": "orders"}', "plain", **told)
    found = FrameStore(lines, service="other").select("SELECT * FROM logs ORDER BY row")
    assert [set(found[name]) for name in told] == [{value} for value in told.values()]
    assert found["fields"].tolist() == [{"service": "inner", "row": "7", "Row": "8"}, {}, {}]


def test_old_lines_are_dropped_and_gaps_of_collector_and_follower_are_listed() -> None:
    """Each gap by its reason."""
    gap = {"level": "error", "logger": "collector", "msg": "GAP", "service": "a", "reason": "rotated"}
    following = frame(line(2))
    following.attrs["gaps"] = ["the engine was away"]
    store = FrameStore(collected(line(1), json.dumps({"ts": f"{SECOND}30Z", **gap}), service="a"), max_rows=2)
    store.add(following, service="b")
    assert store.gaps() == ["rotated", "the engine was away"]
    assert (len(store), store.dropped, count(store, "")) == (2, 1, 2)


def test_queries_run_while_lines_are_added() -> None:
    """A query sees the table before or after new lines."""
    store = FrameStore(frame('{"status": 500}'))
    wrong: list[Exception] = []
    done = threading.Event()

    def asking() -> None:
        try:
            while not done.is_set():
                count(store, "level:error status>=500")
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=asking) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(30):
        store.add(frame(json.dumps({f"field{n}": n, "msg": "new", f"field{n - 1}": n + 0.5})))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [count(store, text) for text in ("field3:3", "field3:4.5")] == [1, 1]


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
    packed, folder = gzip.compress(json_file('{"n": 1}')), "logs/staging/orders/2026/11/24/16"
    objects = {f"{folder}/whole.jsonl.gz": packed, f"{folder}/cut.jsonl.gz": packed[: len(packed) // 2]}
    store = BucketStore(cast(Any, Objects(objects | {"logs/staging/notes.txt": b"no part"})), "bucket", tmp_path)
    assert count(store, "n:1") == len(store) == 1
    assert store.gaps()[0].endswith("cut.jsonl.gz is damaged")
