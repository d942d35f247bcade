"""The check of logging.level: send signals, and see at which levels the service and a library log after each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from workshop_kit.checks.logging_service import WAIT_SECONDS, Log, ask, read_log, run
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings, until_failed
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

LEVEL = findings("logging.level")
NAMES = ("debug", "info", "warning")
FROM_WARNING = (False, False, True)
"""Which of the levels `NAMES` are logged when the level is warning."""
FROM_DEBUG = (True, True, True)
"""Which are logged when the level is debug."""


@check("logging.level")
def level(context: Context) -> Result:
    """Start a service whose level is warning, send it signals, and let it log at each level after each signal."""
    with run(context, environment={"LOG_LEVEL": "warning"}) as trial:
        context.report_step("sending USR1, USR1 again, and USR2")
        all_findings = until_failed(_send_signals(trial))
        return conclude(LEVEL.success_summary, all_findings, trial.log_tail())


def _send_signals(trial: Trial) -> Iterator[Finding]:
    """Send the signals one by one; yield the findings on what is logged at the start and after each signal."""
    own_levels, library_levels = _read_levels(trial, FROM_WARNING)
    yield level_finding("start", own_levels, library_levels)
    for key, signal, expected in (
        ("debug", "SIGUSR1", FROM_DEBUG),
        ("again", "SIGUSR1", FROM_DEBUG),
        ("back", "SIGUSR2", FROM_WARNING),
    ):
        trial.signal(signal)
        own_levels, library_levels = _read_levels(trial, expected)
        alive = alive_finding(signal, trial.exit_code())
        if alive.passed:
            yield level_finding(key, own_levels, library_levels)
        else:
            yield alive


def alive_finding(signal: str, exit_code: int | None) -> Finding:
    """Return the finding on whether the container still runs after a signal; ``exit_code`` is None if it does."""
    observation = "it runs" if exit_code is None else f"the container has ended, with exit code {exit_code}"
    return LEVEL.found(exit_code is None, "alive", observation, signal=signal)


Levels = tuple[bool, ...]


def level_finding(key: str, own: Levels, library: Levels) -> Finding:
    """Return the finding on the levels that the service's own logger and a library's have logged.

    ``key`` is the finding's: ``start``, or ``debug``, ``again`` and ``back`` for the three signals.
    """
    expected = FROM_DEBUG if key in {"debug", "again"} else FROM_WARNING
    way_to_fail = _way_to_fail(key, own, expected)

    observation = f"the service logs {_level_names(own)}"
    if library != own:
        observation += f"; libraries log {_level_names(library)}"
    return LEVEL.found(own == library == expected, f"{key}{way_to_fail}", observation)


def _way_to_fail(key: str, own: Levels, expected: Levels) -> str:
    """Return the end of a failed finding's key: a dot and the way; "" for a finding with one way to fail."""
    if key not in {"debug", "back"}:
        return ""
    if own == expected:
        return ".libraries"
    if key == "debug":
        return ".same"

    logs_debug = own[0]
    return ".still" if logs_debug else ".other"


def _level_names(levels: Levels) -> str:
    """Return the names of the levels that are logged, for a finding."""
    names = [name for name, is_logged in zip(NAMES, levels, strict=True) if is_logged]
    return ", ".join(names) or "nothing"


def _read_levels(trial: Trial, expected: Levels) -> tuple[Levels, Levels]:
    """Let the service and a library log at each level, again and again until the levels are as expected.

    Return the levels that the service's own logger has logged last, and those of the library's.
    """

    def log_and_read() -> tuple[Levels, Levels]:
        return _log_and_read(trial)

    def is_expected(levels: tuple[Levels, Levels]) -> bool:
        return levels == (expected, expected)

    return trial.poll(log_and_read, is_expected, WAIT_SECONDS, missing="the level was not as expected")


def _log_and_read(trial: Trial) -> tuple[Levels, Levels]:
    """Let the service and a library log at each level once; return which levels each of the two has logged."""
    request_id = f"level-{secrets.token_hex(4)}"
    ask(trial, request_id, "levels")

    def is_complete(log: Log) -> bool:
        return bool(log.having(request_id=request_id, msg="a trial at warning"))

    log = read_log(trial, is_complete)
    messages = {line.get("msg") for line in log.having(request_id=request_id)}
    own = tuple(f"a trial at {name}" in messages for name in NAMES)
    library = tuple(f"a library at {name}" in messages for name in NAMES)
    return own, library
