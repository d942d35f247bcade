"""Rules on logs: destination, structure, secrets, rotation."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from container_audit.clone_run import CloneRun
from container_audit.findings import Evidence, Judgment, cannot_tell, fails, holds
from container_audit.subject import Subject
from workshop_kit.observe.leaks import Surface, find

ENOUGH_SHARE = 0.9
MOST_LINES = 2_000
LONG_ENOUGH = 12  # characters: a shorter secret would be found by chance
DOCKER_LOGS = "docker logs of a clone that was started, asked and stopped"
_PAIR = re.compile(r"(?:^|\s)[A-Za-z_][\w.-]*=(?:\"[^\"]*\"|\S+)")
_TIME_KEYS = ("ts", "time", "timestamp", "@timestamp", "datetime", "date", "t")
_LEVEL_KEYS = ("level", "severity", "lvl", "log.level", "levelname", "loglevel", "l")
_LEVEL = re.compile(r"trace|debug|info|notice|warn|error|err|fatal|crit|alert|emerg|panic|[1-7]0$", re.IGNORECASE)
_ZONED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)? ?(Z|[+-]\d\d:?\d\d)$")
_SINCE_1970 = re.compile(r"1\d{9}(\d{3}|\d{6}|\d{9})?(\.\d+)?")


def to_streams(subject: Subject) -> Judgment:
    """Hold if it writes at least one line to its streams, and no log file to its writable layer."""
    run = subject.run_normal()
    files = _log_files(run)
    if files:
        sizes = ", ".join(f"{path} ({size} bytes)" for path, size in files.items())
        return fails(f"It writes its log to {', '.join(files)}.", Evidence("docker diff of the clone", sizes))

    evidence = Evidence(DOCKER_LOGS, f"{len(run.log)} lines; {run.lines(2) or 'none'}")
    if run.log:
        lines = "lines" if len(run.log) > 1 else "line"
        return holds(f"It wrote {len(run.log)} {lines}, and no file of a log's name.", evidence)
    if run.start.exit_code == 0:
        return cannot_tell("It ended by itself without a line.", evidence)
    sentence = "It wrote nothing, neither at its start, nor when asked, nor at its end."
    return fails(sentence, evidence, by_time=run.start.timed_out)


def structured(subject: Subject) -> Judgment:
    """Hold if nine of ten lines are JSON or logfmt, with a level and a time with a zone."""
    run = subject.run_normal()
    files = _log_files(run)
    if files:
        return cannot_tell(f"Its log is in {', '.join(files)}: what its streams hold is the rest.")

    lines = run.log[:MOST_LINES]
    if not lines:
        return cannot_tell("It wrote no line.")

    missing_parts = [_missing_parts(line) for line in lines]
    complete_lines = missing_parts.count("")
    sentence = f"{complete_lines / len(lines):.0%} of {len(lines)} lines are structured, with a time and a level."
    if complete_lines >= ENOUGH_SHARE * len(lines):
        return holds(sentence, Evidence(DOCKER_LOGS, run.lines(1)))

    lines_and_parts = zip(lines, missing_parts, strict=True)
    evidence = [Evidence(f"{DOCKER_LOGS}: a line without {parts}", line) for line, parts in lines_and_parts if parts]
    if run.start.exit_code:
        return cannot_tell(f"It {run.start.summary}: its lines report the error.", *evidence[:3])
    return fails(sentence, *evidence[:3])


def no_secrets(subject: Subject) -> Judgment:
    """Hold if the log has neither the random words that replaced secrets, nor a secret in /run/secrets."""
    canary = subject.run_with_canaries()
    run = canary.run
    subject.mask.learn(*canary.canaries.values())

    file_secrets = subject.read_file_secrets()
    long_secrets = {path: secret for path, secret in file_secrets.items() if len(secret) >= LONG_ENOUGH}
    secrets = {**canary.canaries, **long_secrets}
    words = "random words, and its own secrets," if long_secrets else "random words"
    places = ", ".join((*canary.canaries, *long_secrets))
    source = f"docker logs of a clone with {words} in {places}"

    text = "\n".join(run.log)
    if not text:
        return cannot_tell("It wrote nothing.", Evidence(source, "nothing"))

    leaks = find(secrets, [Surface.of("log", "clone", text)])
    if len(leaks):
        names = leaks["secret"].iloc[0]
        encoding = leaks["encoding"].iloc[0]
        evidence = Evidence(source, f"found ({encoding}) in {len(run.log)} lines")
        return fails(f"The value of {names} stands in its log.", evidence)

    if run.start.timed_out:
        evidence = Evidence(source, f"it {run.start.summary}")
        return cannot_tell("None of them is in its log so far, but a clone of it did not get ready.", evidence)
    return holds("None of them is in its log.", Evidence(source, f"looked at {len(run.log)} lines"))


def rotation(subject: Subject) -> Judgment:
    """Hold for json-file with max-size and for ``local``; fail for ``none`` and for non-blocking mode."""
    config = subject.target.host.get("LogConfig") or {}
    driver = str(config.get("Type") or "")
    options = dict(config.get("Config") or {})
    option_texts = ", ".join(f"{key}={options[key]}" for key in sorted(options))
    evidence = Evidence("docker inspect: HostConfig.LogConfig", f"{driver} {option_texts}")

    dialect = subject.session.engine.dialect
    if not dialect.tells_log_options:
        return cannot_tell(f"{dialect.product} does not say which options a log has.", evidence)
    if driver == "none":
        return fails("The driver none throws every line away.", evidence)
    if options.get("mode") == "non-blocking":
        return fails("In mode non-blocking lines are dropped when its buffer is full.", evidence)
    if driver == "json-file" and options.get("max-size", "-1") == "-1":
        return fails("json-file without max-size grows without end.", evidence)
    if driver in {"json-file", "local"}:
        return holds(f"{driver} is limited.", evidence)
    return cannot_tell(f"The log driver {driver or 'of the engine'} stores lines elsewhere.", evidence)


def _log_files(run: CloneRun) -> dict[str, int]:
    """Return the sizes in bytes of the log files that are not empty, by path."""
    return {path: size for path, size in run.log_files.items() if size}


def _missing_parts(line: str) -> str:
    """Name what a line lacks: structure, time, level; "" if it has all three."""
    fields = _line_fields(line)
    if fields is None:
        return "a structure"

    parts = []
    if not _has_time(fields):
        parts.append("a time with a zone")
    if not _has_level(fields):
        parts.append("a level")
    return " and ".join(parts)


def _line_fields(line: str) -> dict[str, Any] | None:
    """Return the fields of a line that is JSON or logfmt; None for any other line."""
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(line)
        return document if isinstance(document, dict) else None

    pairs = _PAIR.findall(line)
    if len(pairs) >= 2 and _PAIR.match(line.strip()):
        return dict(pair.strip().split("=", 1) for pair in pairs)
    return None


def _has_time(fields: dict[str, Any]) -> bool:
    """Return whether a field that is named like a time has a time with a zone, or a Unix time."""
    values = [str(fields[key]).strip('"') for key in fields if key.lower() in _TIME_KEYS]
    return any(_ZONED.fullmatch(value) or _SINCE_1970.fullmatch(value) for value in values)


def _has_level(fields: dict[str, Any]) -> bool:
    """Return whether a field that is named like a level has one of the usual levels."""
    values = [str(fields[key]).strip('"') for key in fields if key.lower() in _LEVEL_KEYS]
    return any(_LEVEL.match(value) for value in values)
