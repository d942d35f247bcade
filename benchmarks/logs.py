"""Reading logs: a million lines to a complete DataFrame, beside what one would otherwise use; memory; the engine's API.

A million lines as the service writes them, 0.5 % of them malformed, with fields that vary and one that comes late.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks._rows import Row, median_pair, median_seconds, show
from workshop_kit.engine import cleanup, images, reach
from workshop_kit.engine.containers import run
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.learn import ready
from workshop_kit.learn.workspace import Workspace
from workshop_kit.observe import logs

ROOT = Path(__file__).resolve().parents[1]
LINES = 1_000_000
RUNS = 3
LABELS = '{"com.docker.compose.service":"service"}'  # every container of the stack has them
PANDAS = f"pandas {version('pandas')} read_json(lines=True)"
LOOP = f"a loop with json.loads (Python {sys.version.split()[0]})"


def events(count: int, malformed: bool) -> Iterator[str]:
    """The lines, the same every time."""
    chance = random.Random(1)
    now = 1_764_000_000.0
    for n in range(count):
        now += chance.random() * 0.002
        ts = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        if malformed and chance.random() < 0.005:
            yield ("Traceback", "", '{"ts":"cut', f'{{"ts":"{ts}","v":NaN}}')[n % 4]
            continue
        event: dict[str, Any] = {"ts": ts, "level": chance.choice(("info", "info", "info", "warning", "error"))}
        event |= {"logger": "service.http", "caller": f"http.py:{n % 300}", "msg": f"request {n} handled"}
        event |= {
            "out": "stdout",
            "request_id": f"{chance.getrandbits(64):016x}",
            "route": "/items/{id}",
            "status": 200,
        }
        if n % 2:
            event["duration_ms"] = round(chance.random() * 100, 3)
        if n % 3 == 0:
            event["bytes"] = chance.randrange(10**6)
        if n % 50 == 0:
            event["error"] = 'ValueError: "bad" \n value'
        if n > count // 2 and n % 10 == 0:
            event["late"] = True
        yield json.dumps(event, separators=(",", ":"))


def stamp(n: int) -> str:
    """The engine's time of a line."""
    return (
        datetime.fromtimestamp(1_764_000_000 + n // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{n % 1000:03d}123456Z"
    )


def write(folder: Path) -> None:
    """The same lines in each form."""
    with (
        (folder / "json").open("w") as records,
        (folder / "labeled").open("w") as labeled,
        (folder / "stamped").open("w") as stamped,
    ):
        for n, line in enumerate(events(LINES, malformed=True)):
            text, time = json.dumps(f"{line}\n"), stamp(n)
            records.write(f'{{"log":{text},"stream":"stdout","time":"{time}"}}\n')
            labeled.write(f'{{"log":{text},"stream":"stdout","attrs":{LABELS},"time":"{time}"}}\n')
            stamped.write(f"{time} {line}\n")
    with (folder / "plain").open("w") as plain:
        plain.writelines(f"{line}\n" for line in events(LINES, malformed=False))


def two_steps(path: Path) -> pd.DataFrame:
    """The usual way: the records, then what is JSON in them; what is not is thrown away, or it would not work."""
    outer = pd.read_json(path, lines=True)
    good = outer["log"].str.endswith("}\n") & ~outer["log"].str.contains("NaN")
    return pd.read_json(io.StringIO("".join(outer["log"][good])), lines=True)


def one_step(path: Path) -> pd.DataFrame:
    """The usual way for lines that are all well formed."""
    return pd.read_json(path, lines=True)


def loop(path: Path) -> pd.DataFrame:
    """Line by line with the standard library, malformed lines kept."""
    rows = []
    with path.open() as file:
        for line in file:
            time_of, _, text = line.rstrip("\n").partition(" ")
            try:
                found = json.loads(text)
                row = found if isinstance(found, dict) else {"raw": text}
            except ValueError:
                row = {"raw": text}
            row["received"] = time_of
            rows.append(row)
    return pd.DataFrame(rows)


def forms(folder: Path) -> list[Row]:
    """Each form beside its usual way, in turn."""
    twice = f"{PANDAS}, twice"
    records = "aim ratio ≤ 0.05 (20 × as fast), floor 0.077 (13 ×)"
    pairs: list[tuple[str, str, Callable[[Path], object], str, str]] = [
        ("json-file content", "json", two_steps, twice, records),
        ("json-file content with labels", "labeled", two_steps, twice, records),
        ("docker logs --timestamps text", "stamped", loop, LOOP, "aim ratio ≤ 0.167 (6 ×), floor 0.27 (3.7 ×)"),
        ("plain lines", "plain", one_step, PANDAS, "aim ratio ≤ 0.125 (8 ×), floor 0.18 (5.5 ×)"),
    ]
    rows = []
    for work, name, usual, beside, aim in pairs:
        path = folder / name
        assert len(logs.read_file(path)) == LINES
        ours, theirs = median_pair(lambda p=path: logs.read_file(p), lambda p=path, w=usual: w(p), RUNS)  # type: ignore[misc]
        rows.append(Row(f"{LINES:,} lines of {work} to a DataFrame", ours, RUNS, aim, beside, theirs))
    return rows


def memory(folder: Path) -> Row:
    """The peak of a process that does nothing else, what it imports included."""
    # Not getrusage: its peak begins with that of the process that started this one.
    code = "import re, sys; from workshop_kit.observe import logs; f = logs.read_file(sys.argv[1]);"
    code += "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    command = [sys.executable, "-c", code, str(folder / "json")]
    peaks: list[int] = []
    taken = median_seconds(lambda: peaks.append(int(subprocess.check_output(command, cwd=ROOT))), RUNS)
    work = f"the first in a process of its own, peak memory {max(peaks)} MB"
    return Row(work, taken, RUNS, "≤ 500 MB, floor 700")


def pipe(folder: Path) -> Row:
    """From a pipe to frames, and how much memory grew between the first tenth and the end."""
    grown: list[int] = []

    def followed() -> None:
        with subprocess.Popen(["cat", str(folder / "plain")], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            rows, early = 0, 0
            for frame in logs.follow_pipe(process.stdout):
                rows += len(frame)
                early = early or (resident_mb() if rows > LINES // 10 else 0)
            assert rows == LINES
        grown.append(resident_mb() - early)

    taken = median_seconds(followed, RUNS)
    work = f"{LINES:,} lines followed from a pipe: {LINES / taken:,.0f} lines/s, memory grew by {max(grown)} MB"
    return Row(work, taken, RUNS, "≥ 300,000 lines/s, floor 200,000, flat memory")


def resident_mb() -> int:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def engine(session: Session, image: str) -> Row:
    """A container's log through the engine's API to a frame, beside the bytes of it to nowhere."""
    event = {"ts": "2026-11-24T16:06:14.797+00:00", "level": "info", "logger": "service.http", "status": 200}
    line = json.dumps({**event, "msg": "request %d handled"}, separators=(",", ":")) + "\n"  # fits the kit's log limit
    code = f"import sys\nfor n in range({LINES}): sys.stdout.write({line!r} % n)"
    with run(session, Spec(image, command=("python3", "-c", code))) as running:
        running.container.wait()
        command = ["docker", "logs", "--timestamps", running.id]
        assert len(logs.read_container(running)) == LINES
        ours, theirs = median_pair(
            lambda: logs.read_container(running),
            lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
            RUNS,
        )
    told = f"docker {session.engine.version['Version']} logs --timestamps > /dev/null"
    return Row(
        f"{LINES:,} lines of a container to a DataFrame", ours, RUNS, "aim ratio ≤ 1.15, floor 1.4", told, theirs
    )


def main() -> None:
    """All rows, on files and a workspace of their own that are removed after."""
    connected = reach.connect()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write(folder)
        rows = [*forms(folder), memory(folder), pipe(folder)]
        session = ready.session_of(Workspace.open(folder / "workspace"), connected)
        try:
            rows.append(engine(session, images.tags(ROOT)["base"]))
        finally:
            cleanup.remove(session, {"kernel", "workspace"})
    show(rows)


if __name__ == "__main__":
    main()
