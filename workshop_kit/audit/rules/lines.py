"""What a clone writes: where to, in which form, and whether a secret is in it."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from workshop_kit.audit.data import Evidence, Judged, cannot_tell, fails, holds, not_applicable
from workshop_kit.audit.runs import Run, texts
from workshop_kit.audit.subject import Subject
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.leaks import Surface, find
from workshop_kit.observe.logs import record

ENOUGH_SHARE = 0.9
MOST_LINES = 2_000
LONG_ENOUGH = 12  # characters: a shorter secret would be found by chance
FEWEST_LINES = 3
_PAIR = re.compile(r"(?:^|\s)[A-Za-z_][\w.-]*=(?:\"[^\"]*\"|\S+)")
_TIME_KEYS = ("ts", "time", "timestamp", "@timestamp", "datetime", "date", "t")
_LEVEL_KEYS = ("level", "severity", "lvl", "log.level", "levelname", "loglevel", "l")
_LEVEL = re.compile(r"trace|debug|info|notice|warn|error|err|fatal|crit|alert|emerg|panic|[1-7]0$", re.IGNORECASE)
_ZONED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)? ?(Z|[+-]\d\d:?\d\d)$")
_SINCE_1970 = re.compile(r"1\d{9}(\d{3}|\d{6}|\d{9})?(\.\d+)?")


def to_streams(subject: Subject) -> Judged:
    """At least one line between its start and its end."""
    run = subject.need_looks().normal
    seen = Evidence(
        "docker logs of a clone that was started, asked and stopped", f"{len(run.log)} lines; {run.lines(2) or 'none'}"
    )
    if len(run.log):
        return holds(f"It wrote {len(run.log)} line{'s' if len(run.log) > 1 else ''}.", seen)
    return fails("It wrote nothing, neither at its start, nor when asked, nor at its end.", seen)


def no_files(subject: Subject) -> Judged:
    """Files named as logs are, in the writable layer, with something in them."""
    run = subject.need_looks().normal
    found = {path: size for path, size in run.log_files.items() if size}
    if found:
        listed = Evidence(
            "docker diff of the clone", ", ".join(f"{path} ({size} bytes)" for path, size in found.items())
        )
        return fails(f"It writes its log to {', '.join(found)}.", listed)
    if run.started.ended:
        return cannot_tell(f"It {run.summary}.")
    return holds(
        "No file of a log's name was written.",
        Evidence("docker diff of the clone", ", ".join(run.written[:10]) or "nothing"),
    )


def structured(subject: Subject) -> Judged:
    """JSON objects, or lines of key=value pairs (logfmt)."""
    run = _with_lines(subject)
    log = run.log.head(MOST_LINES)
    plain = [text for text in log["raw"] if pd.notna(text) and text.strip()]
    other = [text for text in plain if not _is_logfmt(text)]
    whole = len(log) - int(log["raw"].notna().sum()) + len(plain) - len(other)
    share = whole / max(whole + len(other), 1)
    said = f"{share:.0%} of {whole + len(other)} lines are structured."
    if share >= ENOUGH_SHARE:
        return holds(said, Evidence("docker logs of a clone", run.lines(1)))
    return fails(said, *(Evidence("docker logs of a clone: a line that is not", text) for text in other[:3]))


def time_and_level(subject: Subject) -> Judged:
    """A time with a zone (or seconds since 1970) and a level, in nine of ten structured lines."""
    run = _with_lines(subject)
    lines = _structured_lines(run.log.head(MOST_LINES))
    if not lines:
        return not_applicable("None of its lines is structured.")
    missing = [line for line in lines if not (_has_time(line) and _has_level(line))]
    share = 1 - len(missing) / len(lines)
    said = f"{share:.0%} of {len(lines)} structured lines have both."
    if share >= ENOUGH_SHARE:
        return holds(said, Evidence("docker logs of a clone", run.lines(1)))
    wanting = [(line, " and ".join(_wanting(line))) for line in missing[:3]]
    return fails(
        said, *(Evidence(f"docker logs of a clone: a line without {what}", str(line)) for line, what in wanting)
    )


def no_secrets(subject: Subject) -> Judged:
    """Random words in place of secrets, and what is in /run/secrets, hunted for in all that was logged."""
    canaried = subject.need_runs().canaried
    subject.mask.learn(*canaried.canaries.values())
    written = "\n".join(texts(canaried.run.log))
    real = {path: secret for path, secret in subject.file_secrets.items() if len(secret) >= LONG_ENOUGH}
    words = "random words, and its own secrets," if real else "random words"
    ran = f"docker logs of a clone with {words} in {', '.join((*canaried.canaries, *real))}"
    if not written:
        return cannot_tell("It wrote nothing.", Evidence(ran, "nothing"))
    found = find({**canaried.canaries, **real}, [Surface.of("log", "clone", written)])
    if len(found):
        names, encoding = found["secret"].iloc[0], found["encoding"].iloc[0]
        return fails(
            f"The value of {names} stands in its log.",
            Evidence(ran, f"found ({encoding}) in {len(canaried.run.log)} lines"),
        )
    return holds("None of them is in its log.", Evidence(ran, f"looked at {len(canaried.run.log)} lines"))


def _with_lines(subject: Subject) -> Run:
    """The run, if it wrote enough to judge by; one that did not get ready has only complained."""
    run = subject.need_looks().normal
    if len(run.log) == 0:
        raise WorkshopError("It wrote no line.")
    return run


def _structured_lines(log: pd.DataFrame) -> list[dict[str, Any]]:
    lines = [record(log, row) | _own_time(log, row) for row in range(len(log)) if pd.isna(log["raw"].iloc[row])]
    pairs = [text for text in log["raw"] if pd.notna(text) and _is_logfmt(text)]
    return lines + [dict(pair.strip().split("=", 1) for pair in _PAIR.findall(text)) for text in pairs]


def _own_time(log: pd.DataFrame, row: int) -> dict[str, Any]:
    """A ``ts`` that the reader took as the line's own time."""
    line = log.iloc[row]
    return {"ts": line["ts"].isoformat()} if line["ts"] != line["received"] else {}


def _is_logfmt(text: str) -> bool:
    return len(_PAIR.findall(text)) >= 2 and _PAIR.match(text.strip()) is not None


def _has_time(line: dict[str, Any]) -> bool:
    values = [str(line[key]).strip('"') for key in line if key.lower() in _TIME_KEYS]
    return any(_ZONED.fullmatch(value) or _SINCE_1970.fullmatch(value) for value in values)


def _has_level(line: dict[str, Any]) -> bool:
    return any(_LEVEL.match(str(line[key]).strip('"')) for key in line if key.lower() in _LEVEL_KEYS)


def _wanting(line: dict[str, Any]) -> list[str]:
    return [
        what for what, there in (("a time with a zone", _has_time(line)), ("a level", _has_level(line))) if not there
    ]
