"""Explain in one finding why a service did not start: it was refused, it ended, or it does not answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workshop_kit.errors import WorkshopError
from workshop_kit.host import MIB
from workshop_kit.observe import http
from workshop_kit.observe.events import KILLED
from workshop_kit.observe.scrape import unavailable_dependencies
from workshop_kit.trials.findings import START, findings
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import Trial, fields_of

FINDINGS = findings(START)
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
MISSING_MODULE = r"^ModuleNotFoundError: No module named '(?P<name>[\w.]+)'|No module named (?P<main>[\w.]+)\s*\Z"
MISSING_FILE = r"(?:cannot open|can't open file) '?(?P<name>[^\s':]+)"
NO_KEY = r"^KeyError: '(?P<name>[A-Z][A-Z0-9_]*)'"
GET = r"""(?:environ\.get|getenv)\(\s*["'](?P<name>\w+)["']"""
REFUSED = "configuration refused"
"""The message of a service that cannot use its settings; before it has a log, its problems follow in the same line."""
PROBLEM = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*): (?P<wrong>.+)", re.DOTALL)
"""A problem: a variable, or the beginning of several, and what is wrong."""
IS_NOT_SET = "Field required"
"""pydantic's words for a variable that is not set."""
COMMANDS = (
    ("app-module", r'Could not import module "(?P<name>[^"]+)"'),
    ("app", r'Attribute "(?P<name>[^"]+)" not found in module'),
    ("no-list", r"/bin/sh: \d+: \[(?P<name>[^,\s]+),?: not found"),
    ("address", r"Uvicorn running on (?P<name>http://(?!0\.0\.0\.0:8080\b)\S+)"),
)
"""Mistakes in a command that starts uvicorn as the service of lesson 01 has it, each with a pattern of its log."""
REFUSALS = (
    ("user", r"unable to find user (?P<name>[^:\s]+)"),
    ("program", NOT_IN_PATH),
    ("permission", r'exec: "(?P<name>[^"]+)": permission denied'),
    ("limit", r"(?i)memory|range of cpus|cpu\.(?:cfs|max)"),
)
"""Why the engine starts no container, each with a pattern of the engine's error."""
SHELL = "/bin/sh"
VAGUE = ("ended", "silent", "joined", "file", "port")
"""Ways that say what happened, and not why: if a pattern of `COMMANDS` matches, it says more."""


def refusal_result(error: WorkshopError) -> Result:
    """Return the result for a container that the engine refuses to start."""
    reason = _engine_reason(error)
    runtime_reason = re.search(r'exec: "[^"]*": [^:]+', reason)  # other layers of the engine quote it
    short_reason = runtime_reason[0] if runtime_reason else reason

    for way, pattern in REFUSALS:
        cause = re.search(pattern, reason)
        if cause is not None:
            finding = FINDINGS.failed(f"refused.{way}", short_reason, reason=short_reason, **cause.groupdict())
            return _did_not_start(finding)

    return _did_not_start(FINDINGS.failed("refused.other", short_reason, reason=short_reason))


def _engine_reason(error: WorkshopError) -> str:
    """Return the engine's part of an error, which follows ``container of IMAGE: ``; the whole one without such a part.

    The full stop at the end is left out.
    """
    _, _, image_and_reason = error.what.rpartition("container of ")
    _, _, reason = image_and_reason.partition(": ")
    return reason.rstrip(".") or error.what.rstrip(".")


def start_failure_result(trial: Trial, request: str = "GET /livez") -> Result:
    """Return the result for a service that never answered a request (with 200, a POST with 201)."""
    method, path = request.split(" ")
    reason = _why(trial, method, path)
    finding = FINDINGS.failed(
        f"answer.{reason.way}",
        reason.observation,
        request=request,
        port=trial.port,
        seconds=trial.age_seconds,
        status="201" if method == "POST" else "200",
        **reason.values,
    )
    return _did_not_start(finding, trial.log_tail())


def _did_not_start(finding: Finding, output: str = "") -> Result:
    """Return the result whose summary is what the finding means."""
    return Result.did_not_start(finding.means, finding, output=output)


class FailureReason(NamedTuple):
    """Why a service gave no good answer: the way of `answer` in start.toml, what came back, and the texts' values."""

    way: str
    observation: str
    values: Mapping[str, Any]


class _End(NamedTuple):
    """How a service ended: the way of `answer` in start.toml, and the values for its texts."""

    way: str
    values: Mapping[str, Any]


def _why(trial: Trial, method: str, path: str) -> FailureReason:
    """Return why a service gave no good answer; for a POST, a mistake in its command before a vague reason."""
    log = trial.log_tail(LOG_BYTES, LOG_LINES)
    is_running = trial.exit_code() is None
    reason = _why_no_answer(trial, path, log) if is_running else _why_ended(trial, log)

    if method == "POST" and reason.way in VAGUE:
        return _why_wrong_command(log, reason.observation) or reason
    return reason


def _why_wrong_command(log: str, observation: str) -> FailureReason | None:
    """Return the mistake in the command that a log shows; None if it shows none."""
    for way, pattern in COMMANDS:
        cause = re.search(pattern, log)
        if cause is not None:
            return FailureReason(way, observation, cause.groupdict())
    return None


def _why_ended(trial: Trial, log: str) -> FailureReason:
    """Return why a service has ended: its memory, its own code, a kill, or what else its log shows."""
    attributes = trial.running.inspect()
    code = attributes["State"]["ExitCode"]
    observation = f"it ended with exit code {code}"
    limit_mib = attributes["HostConfig"]["Memory"] // MIB
    if attributes["State"]["OOMKilled"]:
        return FailureReason("memory", observation, {"limit": limit_mib})

    crash = _crash_end(log, _variables(attributes))
    if crash is not None:
        return FailureReason(crash.way, observation, crash.values)

    if code == KILLED:  # the engine begins to watch the memory a moment after the start
        return FailureReason("killed", observation, {"limit": limit_mib})

    end = _other_end(trial, log, code)
    return FailureReason(end.way, observation, end.values)


def _other_end(trial: Trial, log: str, code: int) -> _End:
    """Return how a service ended whose code raised nothing and refused no setting."""
    program = missing_program(log)
    if program:
        return _End("program", {"name": program})

    command = joined_command(trial)
    if command:
        way = "entrypoint-shell" if command[0] == SHELL else "joined"
        return _End(way, {"command": " ".join(command), "code": code})

    file = re.search(MISSING_FILE, log)
    if file:
        return _End("file", {"name": file["name"]})

    _, _, last_line = trial.log_tail().strip().rpartition("\n")
    line = last_line[:LONGEST_REASON]
    way = "ended" if line else "silent"
    return _End(way, {"code": code, "line": line})


def _why_no_answer(trial: Trial, path: str, log: str) -> FailureReason:
    """Return why a service that runs gives no good answer: another status, none in time, or no connection."""
    answer = trial.get(path)
    if answer.status is not None:
        reason = "; ".join(unavailable_dependencies(answer).values()) or crash_reason(log)
        observation = f"{answer} ({reason})" if reason else str(answer)
        return FailureReason("status", observation, {"path": path, "answer": observation})

    has_no_connection = answer.error in {http.REFUSED, http.CLOSED}
    if not has_no_connection:
        return FailureReason("waits", str(answer), {"path": path})

    program = missing_program(log)
    if program:
        return FailureReason("program", str(answer), {"name": program})

    command = joined_command(trial)
    if command and command[0] == SHELL:
        return FailureReason("entrypoint-shell", str(answer), {"command": " ".join(command)})
    return FailureReason("port", str(answer), {})


def missing_program(output: str) -> str:
    """Return the program that a shell, env or the engine did not find; "" if the output names none."""
    for pattern in MISSING_PROGRAM:
        program = re.search(pattern, output)
        if program is not None:
            return program["name"]
    return ""


def joined_command(trial: Trial) -> list[str]:
    """Return the command that Docker joins of ENTRYPOINT and CMD.

    Returns [] where the image lacks one of them, or the container runs another command than its image's.
    """
    container = trial.running.inspect()["Config"]
    image = trial.running.container.image.attrs["Config"]
    entrypoint = container["Entrypoint"] or []
    command = container["Cmd"] or []
    has_both = bool(entrypoint) and bool(command)
    is_of_image = entrypoint == image["Entrypoint"] and command == image["Cmd"]
    return [*entrypoint, *command] if has_both and is_of_image else []


def _variables(attributes: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the environment variables of a container, by name."""
    pairs = attributes["Config"]["Env"] or ()
    return dict(pair.split("=", 1) for pair in pairs)


def _crash_end(log: str, environ: Mapping[str, str]) -> _End | None:
    """Return how a service's own code ended it; None if its log shows no crash."""
    problems = refused_settings(log)
    problems_text = _join_problems(problems)
    if problems_text:
        return _refusal_end(problems, problems_text, environ)

    frames, reason = _last_exception(_with_plain_tracebacks(log))
    module = re.search(MISSING_MODULE, reason or log.strip())
    if module:
        name = module["name"] or module["main"]
        return _End("module", {"reason": reason or f"No module named {name}", "name": name})
    if not reason:
        return None
    return _exception_end(frames, reason, environ)


def _exception_end(frames: str, reason: str, environ: Mapping[str, str]) -> _End:
    """Return how an exception ended a service; a variable that is not set is a way of its own."""
    key = re.search(NO_KEY, reason)
    if key and key["name"] not in environ:
        return _End("not-set", {"reason": reason, "name": key["name"]})
    if "NoneType" not in reason:
        return _End("raised", {"reason": reason})

    unset_names = [name for name in re.findall(GET, frames) if name not in environ]
    if unset_names:
        return _End("get", {"reason": reason, "name": unset_names[-1]})
    return _End("none", {"reason": reason})


def _refusal_end(problems: Sequence[str], reason: str, environ: Mapping[str, str]) -> _End:
    """Return how a service ended that refused its settings."""
    variables = [_unset_variable(problem, environ) for problem in problems]
    unset_names = [name for name in variables if name]
    if unset_names:
        return _End("get", {"reason": reason, "name": " and ".join(unset_names)})
    return _End("settings", {"reason": reason})


def _unset_variable(problem: str, environ: Mapping[str, str]) -> str:
    """Return the variable of a problem if the service complains about its value and it is not set; else ""."""
    parts = PROBLEM.fullmatch(problem)
    if parts is None or parts["wrong"] == IS_NOT_SET:
        return ""

    name = parts["name"]
    is_set = any(variable == name or variable.startswith(f"{name}_") for variable in environ)
    return "" if is_set else name


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


def exception_reason(log: str) -> str:
    """Return the last exception of a log, with its innermost place outside of libraries; "" if it has none."""
    _, reason = _last_exception(_with_plain_tracebacks(log))
    return reason


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


def _last_exception(text: str) -> tuple[str, str]:
    """Return the frames of the last exception of a text, and what was raised with its place; "" for none."""
    tracebacks = [match for match in TRACEBACK.finditer(f"{text}\n") if FRAME.search(match["frames"])]
    if not tracebacks:
        return "", ""

    traceback = tracebacks[-1]
    frames = traceback["frames"]
    _, _, kind = traceback["kind"].rpartition(".")
    message = " ".join((traceback["message"] or "").split())
    reason = _shorten(f"{kind}: {message}" if message else kind)
    return frames, f"{reason}{_own_place(frames)}"


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
