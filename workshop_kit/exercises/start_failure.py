"""Explain in one sentence why a service did not start: no image was built, it ended, or it does not answer."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from workshop_kit.engine.builder import explain_build_error
from workshop_kit.exercises.check_api import part
from workshop_kit.exercises.result import Finding, Result
from workshop_kit.exercises.trial import Trial, fields_of
from workshop_kit.machine import MIB
from workshop_kit.observe import http
from workshop_kit.observe.events import KILLED

LOG_BYTES, LOG_LINES = 64 * 1024, 200
"""How much of the log is read: a JSON line with a stack is long."""

LONGEST_REASON = 300
BUILDER_LINES = 6
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
CAUSES: Mapping[str, list[dict[str, str]]] = tomllib.loads(Path(__file__).with_name("causes.toml").read_text())


def known_cause(of: Literal["build", "order"], output: str) -> tuple[str, str] | None:
    """Return what the output of the builder or of the service means, and where to look; None if no pattern fits."""
    for cause in CAUSES[of]:
        if found := re.search(cause["pattern"], output):
            return cause["means"].format(found[1]), cause["look"]
    return None


def build_finding(said: str) -> Finding:
    """Return the builder's output as a finding with the step and the instruction."""
    step = re.search(r"^ > \[(?:\S+ )?(\d+)/(\d+)\] (.*?):?$", said, re.MULTILINE)
    marked = re.search(r"^ *(\d+) \| >{3} (.*)$", said, re.MULTILINE)
    line = marked or re.search(r"parse error on line (\d+)()", said)
    where = [f"step {step[1]} of {step[2]}"] if step else []
    where += [f"line {line[1]}"] if line else []
    instruction = marked[2].strip() if marked else step[3] if step else ""
    called = f"docker build: {', '.join(where) or 'before the first step'}"
    called += f": {instruction}" if instruction else ""
    unknown = "The builder stopped at this instruction.", "Its last lines say why; `docker build .` shows all of them."
    means, look = known_cause("build", said) or unknown
    if (sentence := explain_build_error(said)) is not None:
        means, look = sentence, "What stands in that line, and what of it is on this machine?"
    return Finding(False, called, _last_lines(said), "an image", means, look)


def _last_lines(said: str) -> str:
    """Return the last lines of the failed step, else the builder's own error."""
    log = said.partition("\n------\n")[2].partition("\n------\n")[0]
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith(" > ")]
    lines = lines or [line for line in said.splitlines() if line.startswith("ERROR: ")]
    return "\n".join(re.sub(r"^[\d.]+ ", "", line) for line in lines[-BUILDER_LINES:])


def endless_build(said: str, seconds: float) -> Finding:
    """Return the finding for a builder that was ended after so many seconds."""
    begun = re.findall(r"^#\d+ \[(?:\S+ )?(\d+/\d+)\] (.*)$", said, re.MULTILINE)
    step = f"step {begun[-1][0].replace('/', ' of ')}: {begun[-1][1]}" if begun else "before the first step"
    means = f"The build does not come to an end: it was stopped after {seconds:.0f} s."
    look = "What does that instruction wait for? `docker build --progress plain .` shows what it says meanwhile."
    return Finding(False, f"docker build: {step}", _last_output(said), "an image", means, look)


def _last_output(said: str) -> str:
    return "\n".join(line for line in said.splitlines()[-BUILDER_LINES:] if line.strip())


def did_not_start(trial: Trial, request: str = "GET /livez") -> Result:
    """Return the result for a service that never answered a request (with 200, a POST with 201)."""
    method, path = request.split(" ")
    why, output = crash_reason(trial.lines(LOG_BYTES, LOG_LINES)), trial.lines()
    got, means, look = _ended(trial, why) if trial.exit_code() is not None else _runs(trial, path, why)
    if method == "POST":
        means, look = known_cause("order", output) or (means, look)
    called = f"Start it, and {request} on port {trial.port} for {trial.age_seconds:.0f} s"
    finding = Finding(False, called, got, "201" if method == "POST" else "200", means, look)
    return Result.did_not_start(f"It did not start: {means}", finding, output=output)


def _ended(trial: Trial, why: str) -> tuple[str, str, str]:
    attributes = trial.running.inspect()
    code = attributes["State"]["ExitCode"]
    got = f"It ended with exit code {code}"
    limit = attributes["HostConfig"]["Memory"] // MIB
    if attributes["State"]["OOMKilled"]:
        return got, f"the kernel killed it, since it wanted more than its {limit} MiB of memory.", "What takes so much?"
    if why:
        return got, f"{why.rstrip('.')}.", "Correct that first: nothing else was tried."
    if code == KILLED:  # the engine begins to watch the memory a moment after the start
        means = f"it was killed, probably by the kernel, for wanting more than its {limit} MiB of memory."
        return got, means, "The engine does not say who killed it. What takes so much memory right at the start?"
    last = trial.lines().strip().rpartition("\n")[2][:LONGEST_REASON]
    said = f"its last line is: {last}" if last else "it said nothing"
    return got, f"it ended with exit code {code} before it answered a request; {said}", "Look for what ends it."


def _runs(trial: Trial, path: str, why: str) -> tuple[str, str, str]:
    answer = trial.get(path)
    if answer.status is not None:
        reason = part(answer.json(), "output") or why
        because = f" ({reason})" if reason else ""
        return f"{answer}{because}", f"it runs, but {path} answers {answer}{because}.", "Which handler answers there?"
    if answer.error in {http.REFUSED, http.CLOSED}:
        means = (
            f"it runs, but does not listen on port {trial.port}: it listens elsewhere, or does something else first."
        )
        return str(answer), means, "On which port does it listen, and where does that number come from?"
    return str(answer), f"it took the connection, but gave no good answer on {path}.", "What does it wait for?"


def crash_reason(log: str) -> str:
    """Return the exception, or the list of problems, at the end of a program's log; "" if it has none."""
    lines = log.split("\n")
    records = [fields_of(line) for line in lines]
    for record in reversed(records):
        if said := _problems(record.get("problems")):
            return said
    stacks = ([text for name in STACKS if FRAME.search(text := str(record.get(name)))] for record in records)
    text = "\n".join(stack[0] if stack else line for line, stack in zip(lines, stacks, strict=True))
    return _exception("\n".join(text.split("\n")[-MOST_LINES:]))


def _problems(problems: Any) -> str:
    """Return the refused variables of a service's last line, each with what is wrong."""
    entries = [one for one in problems if isinstance(one, dict)] if isinstance(problems, list) else []
    said = "; ".join(f"{one.get('variable')} {one.get('wrong')}" for one in entries)
    count = f"{len(entries)} problems: " if len(entries) > 1 else ""
    return _short(f"{count}{said}")


def _exception(text: str) -> str:
    """Return the last exception of a text, with its innermost place outside of libraries."""
    raised = [match for match in TRACEBACK.finditer(f"{text}\n") if FRAME.search(match["frames"])]
    if not raised:
        return ""
    kind, message = raised[-1]["kind"].rpartition(".")[2], raised[-1]["message"]
    what = _short(f"{kind}: {' '.join(message.split())}" if message else kind)
    places = FRAME.findall(raised[-1]["frames"])
    frames = [(path, line) for path, line in places if not any(part in path for part in LIBRARIES)]
    if not frames:
        return what
    path, line = frames[-1]
    return f"{what} ({path.rpartition('/')[2]}, line {line})"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"
