"""Why a program ended, in one sentence, from the end of its log: an exception, or a list of problems. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

LONGEST_REASON = 300
MOST_LINES = 400
TRACEBACK = re.compile(
    r"""^(?P<frames>(?:[ \t].*\n)++)              # the frames are indented, what was raised is not
        (?P<kind>[A-Za-z_][\w.]*)(?::[ ](?P<message>.*(?:\n(?![ \t]*$|\{|Traceback|During[ ]|The[ ]above).*)*))?$""",
    re.MULTILINE | re.VERBOSE,
)
FRAME = re.compile(r'File "([^"]+)", line (\d+)')
LIBRARIES = ("/site-packages/", "/lib/python", "<")
STACKS = ("stack", "exception")
"""Fields of a JSON line that hold a traceback."""
FAILURES = {"error", "critical"}


def reason(log: str, files: Collection[str] = ()) -> str:
    """Return what the end of a log says of why its program ended; "" if it does not say.

    ``files`` are the participant's, as the ends of paths (``workshop_app/config.py``): the place that is named is in
    them where it can be.
    """
    lines = log.split("\n")
    records = [_record(line) for line in lines]
    for record in reversed(records):
        if said := _problems(record.get("problems")):
            return said
    text = "\n".join(_stack(record) or line for line, record in zip(lines, records, strict=True))
    if said := _exception("\n".join(text.split("\n")[-MOST_LINES:]), files):
        return said
    failures = [record for record in records if str(record.get("level")).lower() in FAILURES]
    return _failure(failures[-1]) if failures else ""


def _record(line: str) -> Mapping[str, Any]:
    """Return a JSON line's fields; none for a line of another kind."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _problems(problems: Any) -> str:
    if not isinstance(problems, list) or not problems:
        return ""
    said = "; ".join(_problem(problem) for problem in problems)
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    return _short(f"{count}{said}")


def _problem(problem: Any) -> str:
    if isinstance(problem, dict):
        named = [problem.get("variable"), problem.get("wrong")]
        return " ".join(str(text) for text in (named if all(named) else problem.values()))
    return str(problem)


def _stack(record: Mapping[str, Any]) -> str:
    return next((text for name in STACKS if isinstance(text := record.get(name), str) and FRAME.search(text)), "")


def _exception(text: str, files: Collection[str]) -> str:
    raised = [match for match in TRACEBACK.finditer(f"{text}\n") if FRAME.search(match["frames"])]
    if not raised:
        return ""
    kind, message = raised[-1]["kind"].rpartition(".")[2], raised[-1]["message"]
    what = _short(f"{kind}: {' '.join(message.split())}" if message else kind)
    frames = [(path, line) for path, line in FRAME.findall(raised[-1]["frames"]) if not _is_library(path)]
    theirs = [frame for frame in frames if frame[0].endswith(tuple(files))]
    if not frames:
        return what
    path, line = (theirs or frames)[-1]
    return f"{what} ({path.rpartition('/')[2]}, line {line})"


def _is_library(path: str) -> bool:
    return any(part in path for part in LIBRARIES)


def _failure(record: Mapping[str, Any]) -> str:
    said = [record.get(name) for name in ("msg", "message", "event", "error")]
    return _short(": ".join(str(text) for text in said if text))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"
