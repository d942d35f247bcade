"""The time to search 200,000 log lines: in a bucket, in memory, and in the explorer.

The bucket is the stack's own endpoint in a container of its own, on this machine. The lines are those of
``benchmarks.logs``: mostly unique messages, 0.5 % malformed, in parts of 5,000.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from benchmarks._rows import Row, median_pair, median_seconds, show
from benchmarks._workspace import ROOT, own_session
from benchmarks.logs import events, stamp
from tests.workshop_kit.engine.conftest import running_store
from workshop_kit.engine import recipes
from workshop_kit.engine.session import Session
from workshop_kit.engine.store import Access
from workshop_kit.observe import logs
from workshop_kit.observe.jq import jq
from workshop_kit.search.explorer import ExplorerModel
from workshop_kit.search.language import SearchMistake
from workshop_kit.search.store import BucketStore, FrameStore

LINES = 200_000
RUNS = 3
BUCKET = "benchmark"
LINES_A_PART = 5_000
NEW_LINES = 100
EACH = "≤ 0.3 s each"
PANDAS = f"pandas {version('pandas')}"


def written() -> Iterator[bytes]:
    """Yield the parts, as the collector writes them."""
    attrs = {"environment": "staging", "service": "service", "container": "0123456789ab"}
    lines = (
        json.dumps({"log": f"{line}\n", "stream": "stdout", "attrs": attrs, "time": stamp(n)}, separators=(",", ":"))
        for n, line in enumerate(events(LINES, malformed=True))
    )
    while part := list(itertools.islice(lines, LINES_A_PART)):
        yield ("\n".join(part) + "\n").encode()


def put(access: Access) -> list[bytes]:
    """Create a bucket with the parts in it; return them as they are packed."""
    client = access.client("s3")
    client.create_bucket(Bucket=BUCKET)
    packed = [gzip.compress(part, 4, mtime=0) for part in written()]
    for n, part in enumerate(packed):
        hour = n * LINES_A_PART // 1000 // 3600
        key = f"logs/staging/service/2025/11/24/{16 + hour:02}/{n:06}.jsonl.gz"
        client.put_object(Bucket=BUCKET, Key=key, Body=part)
    return packed


def bucket(session: Session, access: Access, packed: Sequence[bytes], image: str, folder: Path) -> list[Row]:
    """Query a bucket with a cold cache and again, beside zcat and jq over the same parts on disk."""
    query = "SELECT level, count(*) AS lines FROM logs GROUP BY level"
    cache, zipped = folder / "cache", folder / "all.gz"
    zipped.write_bytes(b"".join(packed))

    def answered() -> pd.DataFrame:
        store = BucketStore(access, BUCKET, cache)
        assert len(store) == LINES
        return store.select(query)

    def cold() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        answered()

    program = "[inputs | .log | fromjson? | objects | .level // empty] | group_by(.)[] | [.[0], length]"

    def by_jq() -> None:
        lines = gzip.decompress(zipped.read_bytes())
        answer = jq(session, image, program, lines, "-n", "-c", timeout_seconds=300)
        assert answer.exit_code == 0, answer.error

    jq_version = jq(session, image, "$__prog_args", b"", "--version").output.strip() or "jq"
    ours, theirs = median_pair(cold, by_jq, RUNS)
    work = f"{LINES:,} lines in {len(packed)} parts of a bucket: first answer in SQL"
    beside = f"gunzip, and {jq_version} in a container, over the same parts on disk"
    size = sum(file.stat().st_size for file in cache.rglob("*.gz")) // 2**20
    again = median_seconds(answered, RUNS)
    return [
        Row(work, ours, RUNS, "", beside, theirs),
        Row(f"the same again, from a cache of {size} MB", again, RUNS),
    ]


def contains(frame: pd.DataFrame, word: str) -> pd.DataFrame:
    """Search each text column with ``str.contains``."""
    found = pd.Series(False, index=frame.index)
    for name in ("msg", "caller", "request_id", "route", "error", "rest", "raw"):
        found |= frame[name].str.contains(word, case=False, regex=False).fillna(False).astype(bool)
    return frame[found].tail(200)


def found(store: FrameStore, text: str) -> pd.DataFrame:
    """Return the newest 200 lines that match a search."""
    where = store.where(text)
    return store.select(f"SELECT * FROM logs WHERE {where.sql} ORDER BY row DESC LIMIT 200", where.parameters)


def memory(frame: pd.DataFrame) -> list[Row]:
    """Search a store over a DataFrame in memory."""
    store = FrameStore(frame, max_rows=LINES, service="service")
    ours, theirs = median_pair(lambda: found(store, "777 handled"), lambda: contains(frame, "777 handled"), RUNS)
    by_us, by_them = median_pair(
        lambda: found(store, "level:error status>=200"),
        lambda: frame[(frame["level"] == "error") & (frame["status"] >= 200).fillna(False)].tail(200),
        RUNS,
    )
    rows = [
        Row("free text, the newest 200", ours, RUNS, EACH, f"{PANDAS} str.contains over 7 columns", theirs),
        Row("level and status, the newest 200", by_us, RUNS, EACH, f"{PANDAS} boolean filter", by_them),
    ]
    asked: dict[str, Callable[[], object]] = {
        "free text that nothing has": lambda: found(store, "nowhere to be found"),
        "a misspelt field": lambda: _mistaken(store),
    }
    rows += [Row(work, median_seconds(ask, RUNS), RUNS, EACH) for work, ask in asked.items()]
    rows.append(Row("a frame to a store", median_seconds(lambda: len(FrameStore(frame)), RUNS), RUNS))
    return rows


def explorer(frame: pd.DataFrame) -> list[Row]:
    """Measure each action of the explorer's page, and new lines in a full store."""
    store = FrameStore(frame, max_rows=LINES, service="service")
    model = ExplorerModel(store)
    _ask(model, do="search", query="request_id:*")
    requests = itertools.cycle({one["request_id"]: one["row"] for one in model.page["rows"]}.values())
    _ask(model, do="search", query="")
    first, step = model.page["bars"]["first"], model.page["bars"]["step"]
    spans = itertools.cycle([(first + n * step, first + (n + 6) * step) for n in (10, 20, 30)])
    pages = itertools.cycle([model.page["pages"] // 2, model.page["pages"] // 3])

    def span() -> None:
        start, end = next(spans)
        _ask(model, **{"do": "span", "from": start, "to": end})

    asked: dict[str, Callable[[], object]] = {
        "all lines": lambda: _ask(model, do="search", query=""),
        "some of the time": span,
        "the whole time": lambda: _ask(model, do="whole"),
        "a page in the middle": lambda: _ask(model, do="page", page=next(pages)),
        "a line opened": lambda: _ask(model, do="open", row=next(requests)),
        "a level, identical messages in one row": lambda: _ask(model, do="search", query="level>=warning"),
        "free text": lambda: _ask(model, do="search", query="777 handled"),
        "free text that nothing has": lambda: _ask(model, do="search", query="nowhere to be found"),
        "one request": lambda: _ask(model, do="request", row=next(requests)),
    }
    rows = [Row(f"explorer: {work}", median_seconds(ask, RUNS), RUNS, EACH) for work, ask in asked.items()]
    _ask(model, do="search", query="")
    model.follows = True
    some = frame.tail(NEW_LINES)
    rows.append(Row(f"explorer: {NEW_LINES} new lines", median_seconds(lambda: model.add(some), RUNS), RUNS))
    assert not model.problem, model.problem
    return rows


def _ask(model: ExplorerModel, **message: object) -> None:
    model.handle(message)
    assert not model.problem, model.problem


def _mistaken(store: FrameStore) -> None:
    with contextlib.suppress(SearchMistake):
        store.where("stauts:500")
        raise AssertionError("an unknown field was accepted")


def main() -> None:
    """Measure in a session and a bucket of its own."""
    tags = recipes.tags(ROOT)
    with tempfile.TemporaryDirectory() as scratch, own_session() as (_, session):
        folder = Path(scratch)
        with running_store(session, tags["parameter_store"]) as store:
            packed = put(store.access)
            rows = bucket(session, store.access, packed, tags["collector"], folder)
        (folder / "lines").write_bytes(b"".join(map(gzip.decompress, packed)))
        frame = logs.read_json_file((folder / "lines").open("rb"))
        rows += memory(frame) + explorer(frame)
    show(rows)


if __name__ == "__main__":
    main()
