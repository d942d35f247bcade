"""The cost of reading logs: lines to a DataFrame, peak memory, following, the engine's API.

The lines are as the service writes them, 0.5 % of them malformed, with fields that vary and one that comes late.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks._rows import Row, cpu_pair, cpu_share, median_pair, show
from benchmarks._workspace import ROOT, own_session
from workshop_kit.engine import recipes
from workshop_kit.engine.containers import Spec, run
from workshop_kit.engine.session import Session
from workshop_kit.observe import logs

LINES = 100_000
MANY_LINES = 1_000_000
RUNS = 3
CONTAINERS = 8
LINES_A_SECOND = 100
WATCH_SECONDS = 10
PANDAS = f"pandas {version('pandas')} read_json(lines=True), twice"


def events(count: int, malformed: bool) -> Iterator[str]:
    """Yield the lines of a log, the same every time; with ``malformed`` a few of them are not valid JSON."""
    generator = random.Random(1)
    moment = 1_764_000_000.0
    for number in range(count):
        moment += generator.random() * 0.002
        timestamp = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
        if malformed and generator.random() < 0.005:
            malformed_lines = ("Traceback", "", '{"ts":"cut', f'{{"ts":"{timestamp}","v":NaN}}')
            yield malformed_lines[number % len(malformed_lines)]
            continue

        event: dict[str, Any] = {
            "ts": timestamp,
            "level": generator.choice(("info", "info", "info", "warning", "error")),
            "logger": "service.http",
            "caller": f"http.py:{number % 300}",
            "msg": f"request {number} handled",
            "out": "stdout",
            "request_id": f"{generator.getrandbits(64):016x}",
            "route": "/items/{id}",
            "status": 200,
        }
        if number % 2:
            event["duration_ms"] = round(generator.random() * 100, 3)
        if number % 3 == 0:
            event["bytes"] = generator.randrange(10**6)
        if number % 50 == 0:
            event["error"] = 'ValueError: "bad" \n value'
        if number > count // 2 and number % 10 == 0:
            event["late"] = True

        yield json.dumps(event, separators=(",", ":"))


def stamp(number: int) -> str:
    """Return the time that the engine writes beside the line of this number."""
    moment = datetime.fromtimestamp(1_764_000_000 + number // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{number % 1000:03d}123456Z"


def write(path: Path, count: int) -> Path:
    """Write a file as the engine's json-file driver does, with ``count`` lines; return its path."""
    with path.open("w") as file:
        for number, line in enumerate(events(count, malformed=True)):
            text = json.dumps(f"{line}\n")
            file.write(f'{{"log":{text},"stream":"stdout","time":"{stamp(number)}"}}\n')
    return path


def read_with_kit(path: Path) -> pd.DataFrame:
    """Read with the kit's reader."""
    with path.open("rb") as file:
        return logs.read_json_file(file)


def read_with_pandas(path: Path) -> pd.DataFrame:
    """Read records and the JSON in them with pandas alone, without malformed lines, which pandas refuses."""
    records = pd.read_json(path, lines=True)
    lines = records["log"]
    is_well_formed = lines.str.endswith("}\n") & ~lines.str.contains("NaN")
    text = "".join(lines[is_well_formed])
    return pd.read_json(io.StringIO(text), lines=True)


def reading(path: Path) -> Row:
    """Measure the CPU time of reading a file, with the kit's reader and with pandas in turn."""
    assert len(read_with_kit(path)) == LINES
    our_seconds, their_seconds = cpu_pair(lambda: read_with_kit(path), lambda: read_with_pandas(path), RUNS)
    work = f"CPU of {LINES:,} lines of json-file content to a DataFrame"
    return Row(work, our_seconds, RUNS, "ratio ≤ 0.6, aim 0.45", PANDAS, their_seconds)


def memory(path: Path) -> Row:
    """Measure the peak memory of a process that only reads the file, imports included."""
    # Not getrusage, whose peak memory includes that of the parent before it started this program.
    code = "import re, sys; from workshop_kit.observe import logs; f = logs.read_json_file(open(sys.argv[1], 'rb'));"
    code += "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    mib = int(subprocess.check_output([sys.executable, "-c", code, str(path)], cwd=ROOT))
    return Row(f"{MANY_LINES:,} such lines in a process of its own, peak memory", mib, 1, "≤ 650 MiB", unit="MiB")


def writer_command(count: int, pause_seconds: float = 0.0) -> tuple[str, ...]:
    """Return the command of a program that writes numbered lines within the kit's log limit."""
    event = {"ts": "2026-11-24T16:06:14.797+00:00", "level": "info", "logger": "service.http", "status": 200}
    event_text = json.dumps({**event, "n": "%d"}, separators=(",", ":"))
    line = event_text.replace('"%d"', "%d") + "\n"
    pause = f"; sys.stdout.flush(); time.sleep({pause_seconds})" if pause_seconds else ""
    return ("python3", "-c", f"import sys, time\nfor n in range({count}): sys.stdout.write({line!r} % n){pause}")


def flood(session: Session, image: str) -> Row:
    """Measure how long it takes to follow a container that writes as fast as it can, until its last line is in a frame.

    No line may be lost, and none may come twice.
    """
    stop = threading.Event()
    numbers: list[int] = []
    started = time.perf_counter()
    with run(session, Spec(image, command=writer_command(MANY_LINES))) as running:
        for frame in logs.LogFollower(running, stop):
            assert frame.attrs["gaps"] == []
            if len(frame):
                numbers += frame["n"].tolist()
            if len(numbers) >= MANY_LINES:
                break

        seconds = time.perf_counter() - started
    assert numbers == list(range(MANY_LINES))
    return Row(f"a flood of {MANY_LINES:,} lines followed: 0 lost, 0 twice", seconds, 1)


def following(session: Session, image: str) -> Row:
    """Measure the CPU time a second of following several containers that write little."""
    spec = Spec(image, command=writer_command(10**9, CONTAINERS / LINES_A_SECOND))
    stop = threading.Event()
    row_counts = [0] * CONTAINERS

    def follow(number: int, container: object) -> None:
        for frame in logs.LogFollower(container, stop):
            row_counts[number] += len(frame)

    with contextlib.ExitStack() as block:
        containers = [block.enter_context(run(session, spec)) for _ in range(CONTAINERS)]
        threads = [threading.Thread(target=follow, args=pair) for pair in enumerate(containers)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        share = cpu_share(lambda: time.sleep(WATCH_SECONDS), RUNS)
        stop.set()
        for thread in threads:
            thread.join()

    lines = f"{LINES_A_SECOND} lines/s in all ({sum(row_counts):,} lines)"
    work = f"CPU a second of following {CONTAINERS} containers at {lines}"
    return Row(work, share, RUNS, "≤ 0.10 s (10 % of a core)")


def engine(session: Session, image: str) -> Row:
    """Measure reading a container's log into a frame through the engine's API, beside ``docker logs``."""
    with run(session, Spec(image, command=writer_command(MANY_LINES))) as running:
        running.container.wait()
        command = ["docker", "logs", "--timestamps", running.id]
        assert len(logs.read_container(running)) == MANY_LINES

        def read() -> None:
            logs.read_container(running)

        def print_to_nowhere() -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        our_seconds, their_seconds = median_pair(read, print_to_nowhere, RUNS)

    work = f"{MANY_LINES:,} lines of a container to a DataFrame"
    beside = f"docker {session.engine.version['Version']} logs --timestamps > /dev/null"
    return Row(work, our_seconds, RUNS, "ratio ≤ 2", beside, their_seconds)


def main() -> None:
    """Measure on temporary files and in a session of its own."""
    image = recipes.tags(ROOT)["base"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        short_file = write(folder / "some", LINES)
        rows = [reading(short_file)]
        long_file = write(folder / "many", MANY_LINES)
        rows.append(memory(long_file))
        with own_session() as (_, session):
            rows += [flood(session, image), following(session, image), engine(session, image)]
    show(rows)


if __name__ == "__main__":
    main()
