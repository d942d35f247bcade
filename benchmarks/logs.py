"""The CPU time of reading logs: lines of the json-file driver to a DataFrame.

The lines are as the service writes them, 0.5 % of them malformed, with fields that vary.
"""

from __future__ import annotations

import io
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pandas as pd

from benchmarks._rows import Row, show
from workshop_kit.observe import logs

LINES = 100_000
RUNS = 5
MALFORMED = ("Traceback", "", '{"ts":"cut', '{"v":NaN}')
PANDAS = f"pandas {version('pandas')} read_json(lines=True), twice, without malformed lines"


def records() -> Iterator[str]:
    """Yield the records of a log, the same every time."""
    generator = random.Random(1)
    for number in range(LINES):
        moment = f"2026-11-24T16:{number // 6_000 % 60:02d}:{number // 100 % 60:02d}.{number % 100:02d}0000Z"
        event: dict[str, Any] = {
            "ts": moment,
            "level": generator.choice(("info", "info", "info", "warning", "error")),
            "logger": "service.http",
            "msg": f"request {number} handled",
            "request_id": f"{generator.getrandbits(64):016x}",
            "route": "/items/{id}",
            "status": 200,
        }
        if number % 2:
            event["duration_ms"] = round(generator.random() * 100, 3)
        if number % 50 == 0:
            event["error"] = 'ValueError: "bad" \n value'

        is_malformed = generator.random() < 0.005
        line = MALFORMED[number % len(MALFORMED)] if is_malformed else json.dumps(event)
        yield json.dumps({"log": f"{line}\n", "stream": "stdout", "time": moment}) + "\n"


def read_with_pandas(text: str) -> pd.DataFrame:
    """Read records and the JSON in them with pandas alone, without malformed lines, which pandas refuses."""
    lines = pd.read_json(io.StringIO(text), lines=True)["log"]
    is_well_formed = lines.str.endswith("}\n") & ~lines.str.contains("NaN")
    return pd.read_json(io.StringIO("".join(lines[is_well_formed])), lines=True)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Run the work once and return the CPU time of this process meanwhile."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Measure the kit's reader and pandas in turn."""
    text = "".join(records())
    content = text.encode()
    assert len(logs.read_json_file(content)) == LINES

    our_seconds = []
    their_seconds = []
    for _ in range(RUNS):
        our_seconds.append(cpu_seconds(lambda: logs.read_json_file(content)))
        their_seconds.append(cpu_seconds(lambda: read_with_pandas(text)))

    ours = statistics.median(our_seconds)
    theirs = statistics.median(their_seconds)
    show([Row(f"CPU of {LINES:,} lines to a DataFrame", ours, RUNS, "ratio ≤ 3", PANDAS, theirs)])


if __name__ == "__main__":
    main()
