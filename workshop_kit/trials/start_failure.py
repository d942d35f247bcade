"""Explain in one finding why a service did not start: it was refused, it ended, or it does not answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.host import MIB
from workshop_kit.observe import http
from workshop_kit.observe.events import KILLED
from workshop_kit.observe.scrape import unavailable_dependencies
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import Reply, Trial, fields_of

# How much of the log is read: a JSON line with a stack is long.
LOG_BYTES = 64 * 1024
LOG_LINES = 200

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

NOT_IN_PATH = r'exec: "(?P<name>[^"]+)": (?:executable file not found|stat .*no such file)'
MISSING_PROGRAM = (
    NOT_IN_PATH,
    r"(?m)^(?:\S+: )?(?:line )?\d+: (?:exec: )?(?P<name>[^\s:\[]+): (?:command )?not found$",
    r"(?m)^env: ['‘]?(?P<name>[^\s:'’]+)['’]?: No such file or directory$",
)
"""How the engine, a shell and env say that the image has no such program."""
OTHER_ADDRESS = re.compile(r"Uvicorn running on (?P<name>http://(?!0\.0\.0\.0:8080\b)\S+)")
REFUSED = "configuration refused"
"""The message of a service that cannot use its settings; before it has a log, its problems follow in the same line."""


def refusal_result(error: WorkshopError) -> Result:
    """Return the result for a container that the engine refuses to start."""
    reason = _engine_reason(error)
    runtime_reason = re.search(r'exec: "[^"]*": [^:]+', reason)  # other layers of the engine quote it
    short_reason = runtime_reason[0] if runtime_reason else reason

    means = f"The engine refuses to start the container: {short_reason}."
    look = "Which instruction of the Dockerfile, or which key of compose.yaml, do these words speak of?"
    program = missing_program(reason)
    if program:
        means = f"The image has no program `{program}`."
        look = "Is it spelled right? Programs such as uvicorn come with a package: does requirements.txt name it?"

    return _did_not_start(Finding(False, "Start a container of your image", short_reason, "it runs", means, look))


def _engine_reason(error: WorkshopError) -> str:
    """Return the engine's part of an error, which follows ``container of IMAGE: ``; the whole one without such a part.

    The full stop at the end is left out.
    """
    _, _, image_and_reason = error.what.rpartition("container of ")
    _, _, reason = image_and_reason.partition(": ")
    return reason.rstrip(".") or error.what.rstrip(".")


def start_failure_result(trial: Trial, request: str = "GET /livez", expected: str = "200") -> Result:
    """Return the result for a service that never gave the expected answer to a request."""
    attributes = trial.running.inspect()
    log = trial.log_tail(LOG_BYTES, LOG_LINES)
    if trial.exit_code() is None:
        finding = _no_answer_finding(trial.get(request.split(" ")[1]), trial, log)
    else:
        finding = _end_finding(attributes, log)

    command = " ".join([attributes["Path"], *attributes["Args"]])
    called = f"Start it (`{command}`), and {request} on port {trial.port} for {trial.age_seconds:.0f} s"
    return _did_not_start(replace(finding, called=called, expected=expected), trial.log_tail())


def _did_not_start(finding: Finding, output: str = "") -> Result:
    """Return the result whose summary is what the finding means."""
    return Result.did_not_start(finding.means, finding, output=output)


def _end_finding(attributes: Mapping[str, Any], log: str) -> Finding:
    """Return the finding for a service that has ended: for its memory, by its own code, or as its last line says."""
    state = attributes["State"]
    code = state["ExitCode"]
    crash = crash_reason(log)
    _, _, last_line = log.strip().rpartition("\n")

    means = f"It ended with exit code {code} before it answered a request, and it said nothing."
    look = "Is the command above the one that you meant? That of an image is its ENTRYPOINT, followed by its CMD."
    if state["OOMKilled"] or (code == KILLED and not crash):  # the engine begins to watch the memory after the start
        limit = attributes["HostConfig"]["Memory"] // MIB
        means = f"The kernel killed it, probably because it wanted more than its {limit} MiB of memory."
        look = "What takes so much? Does the container need more, or does the code take more than it should?"
    elif crash:
        means = f"It ended, and says why: {crash}."
        look = "Correct that first: nothing else was tried. Its last lines are below."
    elif last_line:
        means = f"It ended before it answered a request. Its last line is: {_shorten(last_line)}"

    return Finding(False, "", f"it ended with exit code {code}", "", means, look)


def _no_answer_finding(reply: Reply, trial: Trial, log: str) -> Finding:
    """Return the finding for a service that runs: it answers with another status, too late, or not on this port."""
    got = str(reply)
    means = f"It took the connection, and gave no answer to {reply.called}."
    look = "What does it wait for?"
    other_address = OTHER_ADDRESS.search(log)
    if reply.status is not None:
        reason = "; ".join(unavailable_dependencies(reply).values()) or crash_reason(log)
        got = f"{reply} ({reason})" if reason else str(reply)
        means = f"It runs, but {reply.path} answers {got}."
        look = "Which function answers there, and what does it need?"
    elif other_address:
        means = f"It listens on {other_address['name']}, which cannot be reached from outside of the container."
        look = "--host 0.0.0.0 stands for all addresses of the container, and --port 8080 is the port to use."
    elif reply.error in {http.REFUSED, http.CLOSED}:
        means = f"It runs, but does not listen on port {trial.port}."
        look = "Which program does the command above start? It listens elsewhere, or does something else first."

    return Finding(False, "", got, "", means, look)


def missing_program(output: str) -> str:
    """Return the program that a shell, env or the engine did not find; "" if the output names none."""
    for pattern in MISSING_PROGRAM:
        program = re.search(pattern, output)
        if program is not None:
            return program["name"]
    return ""


def refused_settings(log: str) -> Sequence[str]:
    """Return the problems with its settings that a service logged last: sentences, each on one variable."""
    for line in reversed(log.split("\n")):
        if line.startswith(f"{REFUSED}: "):
            return line.removeprefix(f"{REFUSED}: ").split("; ")

        problems = fields_of(line).get("problems")
        if isinstance(problems, list) and problems:
            return [problem for problem in problems if isinstance(problem, str)]
    return ()


def crash_reason(log: str) -> str:
    """Return the exception, or the list of problems, at the end of a program's log; "" if it has none."""
    return _join_problems(refused_settings(log)) or exception_reason(log)


def _join_problems(problems: Sequence[str]) -> str:
    """Return the problems in one line, with their number if there are several."""
    text = "; ".join(problems)
    if len(problems) > 1:
        text = f"{len(problems)} problems: {text}"
    return _shorten(text)


def _with_plain_tracebacks(log: str) -> str:
    """Return the end of a log, with each JSON line that holds a traceback replaced by that traceback."""
    texts = [_json_traceback(line) or line for line in log.split("\n")]
    lines = "\n".join(texts).split("\n")
    return "\n".join(lines[-MOST_LINES:])


def _json_traceback(line: str) -> str:
    """Return the traceback in a JSON line; "" if it has none."""
    fields = fields_of(line)
    stacks = [str(fields.get(name)) for name in STACKS]
    return next((stack for stack in stacks if FRAME.search(stack)), "")


def exception_reason(log: str) -> str:
    """Return the last exception of a log, with its innermost place outside of libraries; "" if it has none."""
    text = _with_plain_tracebacks(log)
    tracebacks = [match for match in TRACEBACK.finditer(f"{text}\n") if FRAME.search(match["frames"])]
    if not tracebacks:
        return ""

    traceback = tracebacks[-1]
    _, _, kind = traceback["kind"].rpartition(".")
    message = " ".join((traceback["message"] or "").split())
    reason = _shorten(f"{kind}: {message}" if message else kind)
    return f"{reason}{_own_place(traceback['frames'])}"


def _own_place(frames: str) -> str:
    """Return the innermost place outside of libraries, as `` (main.py, line 3)``; "" for none."""
    places = FRAME.findall(frames)
    own_places = [(path, line) for path, line in places if not _is_library(path)]
    if not own_places:
        return ""

    path, line = own_places[-1]
    _, _, file = path.rpartition("/")
    return f" ({file}, line {line})"


def _is_library(path: str) -> bool:
    return any(part in path for part in LIBRARIES)


def _shorten(text: str) -> str:
    """Return a text, cut with an ellipsis if it is too long."""
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"
