"""Explain in one finding why a service did not start: it was refused, it ended, or it does not answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workshop_kit.errors import WorkshopError
from workshop_kit.host import MIB
from workshop_kit.observe import http
from workshop_kit.observe.events import KILLED
from workshop_kit.observe.scrape import away_in
from workshop_kit.trials.findings import START, findings
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import Trial, fields_of

SAYS = findings(START)
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
"""Why the engine starts no container, each with a pattern of its words."""
SHELL = "/bin/sh"
VAGUE = ("ended", "silent", "joined", "file", "port")
"""Ways that say what happened and not why: a pattern of `COMMANDS` says more."""


def refused(error: WorkshopError) -> Result:
    """Return the result for a container that the engine refuses to start."""
    reason = error.what.rpartition("container of ")[2].partition(": ")[2].rstrip(".") or error.what.rstrip(".")
    runtime_words = re.search(r'exec: "[^"]*": [^:]+', reason)  # inside the words of other layers
    got = runtime_words[0] if runtime_words else reason

    for way, pattern in REFUSALS:
        cause = re.search(pattern, reason)
        if cause is not None:
            return _did_not_start(SAYS.failed(f"refused.{way}", got, reason=got, **cause.groupdict()))

    return _did_not_start(SAYS.failed("refused.other", got, reason=got))


def did_not_start(trial: Trial, request: str = "GET /livez") -> Result:
    """Return the result for a service that never answered a request (with 200, a POST with 201)."""
    method, path = request.split(" ")
    way, got, values = _why(trial, method, path)
    finding = SAYS.failed(
        f"answer.{way}",
        got,
        request=request,
        port=trial.port,
        seconds=trial.age_seconds,
        status="201" if method == "POST" else "200",
        **values,
    )
    return _did_not_start(finding, trial.log_tail())


def _did_not_start(finding: Finding, output: str = "") -> Result:
    return Result.did_not_start(finding.means, finding, output=output)


Why = tuple[str, str, dict[str, Any]]
"""The way of `answer` in start.toml, what came back, and the values for its texts."""


def _why(trial: Trial, method: str, path: str) -> Why:
    log = trial.log_tail(LOG_BYTES, LOG_LINES)
    why = _why_runs(trial, path, log) if trial.exit_code() is None else _why_ended(trial, log)
    way, got, _ = why
    if method == "POST" and way in VAGUE:
        return _why_command(log, got) or why
    return why


def _why_command(log: str, got: str) -> Why | None:
    for way, pattern in COMMANDS:
        cause = re.search(pattern, log)
        if cause is not None:
            return way, got, cause.groupdict()
    return None


def _why_ended(trial: Trial, log: str) -> Why:
    attributes = trial.running.inspect()
    code = attributes["State"]["ExitCode"]
    got = f"it ended with exit code {code}"
    limit = attributes["HostConfig"]["Memory"] // MIB

    if attributes["State"]["OOMKilled"]:
        return "memory", got, {"limit": limit}
    crash = _crash(log, _environment(attributes))
    if crash is not None:
        way, values = crash
        return way, got, values
    if code == KILLED:  # the engine begins to watch the memory a moment after the start
        return "killed", got, {"limit": limit}
    way, values = _end_without_reason(trial, log, code)
    return way, got, values


def _end_without_reason(trial: Trial, log: str, code: int) -> tuple[str, dict[str, Any]]:
    """Return the way in which it ended, where its code raised nothing and refused no setting."""
    program = missing_program(log)
    if program:
        return "program", {"name": program}

    command = joined_command(trial)
    if command:
        way = "entrypoint-shell" if command[0] == SHELL else "joined"
        return way, {"command": " ".join(command), "code": code}

    file = re.search(MISSING_FILE, log)
    if file:
        return "file", {"name": file["name"]}

    line = trial.log_tail().strip().rpartition("\n")[2][:LONGEST_REASON]
    return "ended" if line else "silent", {"code": code, "line": line}


def _why_runs(trial: Trial, path: str, log: str) -> Why:
    answer = trial.get(path)
    if answer.status is not None:
        reason = "; ".join(away_in(answer).values()) or crash_reason(log)
        got = f"{answer} ({reason})" if reason else str(answer)
        return "status", got, {"path": path, "answer": got}
    if answer.error not in {http.REFUSED, http.CLOSED}:
        return "waits", str(answer), {"path": path}

    program = missing_program(log)
    if program:
        return "program", str(answer), {"name": program}

    command = joined_command(trial)
    if command and command[0] == SHELL:
        return "entrypoint-shell", str(answer), {"command": " ".join(command)}
    return "port", str(answer), {}


def missing_program(output: str) -> str:
    """Return the program that a shell, env or the engine did not find; "" if the output tells of none."""
    for pattern in MISSING_PROGRAM:
        program = re.search(pattern, output)
        if program is not None:
            return program["name"]
    return ""


def joined_command(trial: Trial) -> list[str]:
    """Return the command that Docker joins of ENTRYPOINT and CMD; [] where the image has not both, or neither ran."""
    container = trial.running.inspect()["Config"]
    image = trial.running.container.image.attrs["Config"]
    entrypoint = container["Entrypoint"] or []
    command = container["Cmd"] or []
    is_the_images = entrypoint == image["Entrypoint"] and command == image["Cmd"]
    return [*entrypoint, *command] if is_the_images and entrypoint and command else []


def _environment(attributes: Mapping[str, Any]) -> Mapping[str, str]:
    pairs = attributes["Config"]["Env"] or ()
    return dict(pair.split("=", 1) for pair in pairs)


def _crash(log: str, environ: Mapping[str, str]) -> tuple[str, dict[str, Any]] | None:
    """Return the way in which its own code ended it, and the values; None if its log tells of none."""
    problems = refused_settings(log)
    reason = _join_problems(problems)
    if reason:
        return _refusal(problems, reason, environ)

    frames, reason = _exception(_plain(log))
    module = re.search(MISSING_MODULE, reason or log.strip())
    if module:
        name = module["name"] or module["main"]
        return "module", {"reason": reason or f"No module named {name}", "name": name}

    key = re.search(NO_KEY, reason)
    if key and key["name"] not in environ:
        return "not-set", {"reason": reason, "name": key["name"]}

    if "NoneType" in reason:
        unset_names = [name for name in re.findall(GET, frames) if name not in environ]
        if unset_names:
            return "get", {"reason": reason, "name": unset_names[-1]}
        return "none", {"reason": reason}
    return ("raised", {"reason": reason}) if reason else None


def _refusal(problems: Sequence[str], reason: str, environ: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the way in which a service refused its settings, and the values."""
    variables = [_unset_variable(problem, environ) for problem in problems]
    unset_names = [name for name in variables if name]
    if unset_names:
        return "get", {"reason": reason, "name": " and ".join(unset_names)}
    return "settings", {"reason": reason}


def _unset_variable(problem: str, environ: Mapping[str, str]) -> str:
    """Return the variable that has no value, and about whose value the service complains; "" for another problem."""
    parts = PROBLEM.fullmatch(problem)
    if parts is None or parts["wrong"] == IS_NOT_SET:
        return ""

    name = parts["name"]
    is_set = any(variable == name or variable.startswith(f"{name}_") for variable in environ)
    return "" if is_set else name


def refused_settings(log: str) -> Sequence[str]:
    """Return the problems that a service's last such line names: sentences, each on one variable."""
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
    _, reason = _exception(_plain(log))
    return reason


def _join_problems(problems: Sequence[str]) -> str:
    """Return the problems in one line."""
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    return _short(f"{count}{'; '.join(problems)}")


def _plain(log: str) -> str:
    """Return the end of a log in which JSON lines with a traceback are that traceback."""
    texts = [_stack(line) or line for line in log.split("\n")]
    lines = "\n".join(texts).split("\n")
    return "\n".join(lines[-MOST_LINES:])


def _stack(line: str) -> str:
    """Return the traceback in a JSON line; "" if it has none."""
    fields = fields_of(line)
    stacks = [str(fields.get(name)) for name in STACKS]
    return next((stack for stack in stacks if FRAME.search(stack)), "")


def _exception(text: str) -> tuple[str, str]:
    """Return the frames of the last exception of a text, and what was raised with its place; "" for none."""
    tracebacks = [match for match in TRACEBACK.finditer(f"{text}\n") if FRAME.search(match["frames"])]
    if not tracebacks:
        return "", ""

    traceback = tracebacks[-1]
    kind = traceback["kind"].rpartition(".")[2]
    message = " ".join((traceback["message"] or "").split())
    reason = _short(f"{kind}: {message}" if message else kind)

    places = FRAME.findall(traceback["frames"])
    own_places = [(path, line) for path, line in places if not _is_library(path)]
    if own_places:
        path, line = own_places[-1]
        reason = f"{reason} ({path.rpartition('/')[2]}, line {line})"
    return traceback["frames"], reason


def _is_library(path: str) -> bool:
    return any(part in path for part in LIBRARIES)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"
