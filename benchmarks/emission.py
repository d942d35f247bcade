"""What a line of the log costs: one event with eight fields, inside a request, ours with all that it does.

Each logger runs in a process of its own, in turn, and writes to /dev/null: what is compared is the CPU of making a line
and handing it over with one system call. Ours has the time, the place of the call, the request's id, and values that
cannot break the line; the others are set up as their documentation has it for production, as close to that as they get.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks._rows import Row, show

ROOT = Path(__file__).resolve().parents[1]
EVENTS = 100_000
RUNS = 7
REQUEST_ID = "9f2c5f0e8d3b4a7c9f2c5f0e8d3b4a7c"
FIELDS = """order_id=number, item="green tea", quantity=3, customer="c-1742", price=3.5, express=True, country="jp",
        status=201"""
MEASURE = f"""
import time, sys
def measure(event):
    for number in range(1000): event(number)
    began = time.process_time()
    for number in range({EVENTS}): event(number)
    sys.stderr.write(str((time.process_time() - began) / {EVENTS}))
"""
OURS = f"""
from workshop_app import logs
logs.start()
log = logs.get_logger("shop")
def event(number):
    log.info("order placed", {FIELDS})
with logs.request_context(request_id="{REQUEST_ID}"):
    measure(event)
"""
STDLIB = f"""
import logging
from pythonjsonlogger.json import JsonFormatter
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(JsonFormatter(
    "{{asctime}}{{levelname}}{{name}}{{pathname}}{{lineno}}{{message}}", style="{{",
    static_fields={{"out": "stdout", "request_id": "{REQUEST_ID}"}}))
logging.basicConfig(handlers=[handler], level="INFO")
log = logging.getLogger("shop")
def event(number):
    log.info("order placed", extra=dict({FIELDS}))
measure(event)
"""
STRUCTLOG = f"""
import logging, structlog
structlog.configure(
    cache_logger_on_first_use=True,
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.dict_tracebacks,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.WriteLoggerFactory(),
)
structlog.contextvars.bind_contextvars(request_id="{REQUEST_ID}", out="stdout")
log = structlog.get_logger().bind(logger="shop")
def event(number):
    log.info("order placed", {FIELDS})
measure(event)
"""
LOGURU = f"""
from loguru import logger
logger.remove()
logger.add(sys.stdout, serialize=True, diagnose=False)
log = logger.bind(request_id="{REQUEST_ID}", out="stdout")
def event(number):
    log.info("order placed", {FIELDS})
measure(event)
"""
SLOG = """
package main
import ("fmt"; "log/slog"; "os"; "syscall")
func used() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}
func event(log *slog.Logger, number int) {
	log.Info("order placed", "order_id", number, "item", "green tea", "quantity", 3, "customer", "c-1742",
		"price", 3.5, "express", true, "country", "jp", "status", 201)
}
func main() {
	options := &slog.HandlerOptions{AddSource: len(os.Args) > 1}
	log := slog.New(slog.NewJSONHandler(os.Stdout, options)).With("logger", "shop", "out", "stdout", "request_id", "ID")
	for number := 0; number < 1000; number++ { event(log, number) }
	began := used()
	for number := 0; number < EVENTS; number++ { event(log, number) }
	fmt.Fprint(os.Stderr, float64(used()-began)/1e9/EVENTS)
}
"""


@dataclass(frozen=True)
class Way:
    """A logger: what it is called, and the command that prints the CPU seconds of an event on stderr."""

    name: str
    command: tuple[str, ...]

    def seconds(self) -> float:
        """CPU seconds of one event. Raises CalledProcessError if it does not work at all."""
        done = subprocess.run(
            self.command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
        )
        return float(done.stderr)


def ways(go: Path | None) -> list[Way]:
    """All loggers, ours first."""
    programs = {
        "ours": OURS,
        f"stdlib logging + python-json-logger {version('python-json-logger')}": STDLIB,
        f"structlog {version('structlog')}, the production setup of its documentation, no place of the call": STRUCTLOG,
        f"loguru {version('loguru')}, serialize": LOGURU,
    }
    found = [Way(name, (sys.executable, "-c", MEASURE + program)) for name, program in programs.items()]
    if go:
        known = (go.parent / "version").read_text().strip()
        found += [
            Way(f"log/slog of {known}, with the place of the call", (str(go), "source")),
            Way(f"log/slog of {known}, without", (str(go),)),
        ]
    return found


def built(folder: Path) -> Path | None:
    """The program in Go, built; None where there is no Go."""
    if not (compiler := shutil.which("go")):
        return None
    source = folder / "main.go"
    source.write_text(SLOG.replace("ID", REQUEST_ID).replace("EVENTS", str(EVENTS)))
    environment = {**os.environ, "GO111MODULE": "off", "GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "go")}
    subprocess.run([compiler, "build", "-o", folder / "slog", source], env=environment, check=True)
    known = subprocess.run([compiler, "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=True)
    (folder / "version").write_text(known.stdout)
    return folder / "slog"


def rows(ours: Way, others: list[Way]) -> list[Row]:
    """A row for each other logger; all take turns, so that a drifting machine hits all alike."""
    taken = [[way.seconds() for way in (ours, *others)] for _ in range(RUNS)]
    mine, *theirs = (statistics.median(column) * EVENTS for column in zip(*taken, strict=True))
    aims = {"stdlib": "≤ 0.43: at least 2.3 times as fast", "log/slog": "≤ 2: half as fast as Go"}
    work = f"CPU of {EVENTS:,} lines of eight fields on Python {platform.python_version()}"
    found = []
    for way, seconds in zip(others, theirs, strict=True):
        aim = next((aim for start, aim in aims.items() if way.name.startswith(start)), "")
        found.append(Row(work, mine, RUNS, aim, way.name, seconds))
    return found


def main() -> None:
    """All rows. Without Go, one of them says so."""
    with tempfile.TemporaryDirectory() as folder:
        go = built(Path(folder))
        ours, *others = ways(go)
        found = rows(ours, others)
    if go is None:
        found.append(Row("log/slog: there is no go on PATH (Debian: golang-go)", found[0].ours_seconds, RUNS))
    show(found)


if __name__ == "__main__":
    main()
