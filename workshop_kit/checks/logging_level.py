"""The check of logging.level: signals, and the levels at which the service and a library log after each."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from workshop_kit.checks.logging_service import INSIDE, WAIT_SECONDS, Lines, ask, read_log
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.trial import Reply

START = "error"
"""LOG_LEVEL of the trial: not the usual one, so that the way back to a level in the code is seen."""
LEVELS = ("debug", "info", "warning", "error")
EXPECTED = {"SIGUSR1": LEVELS, "SIGUSR2": (START,)}
SIGNALS = ("SIGUSR2", "SIGUSR1", "SIGUSR1", "SIGUSR2")
"""Back where nothing was changed, more, more for a second person, and back."""


@dataclass(frozen=True)
class Levels(Observation):
    """At which levels the service logs, and a library, while it answers a request with this ``reply``."""

    service: tuple[str, ...]
    library: tuple[str, ...]
    reply: Reply


@check("logging.level")
def level(service: Service) -> None:
    """It logged more when it was told to, and then as much as before, in the same process."""
    with service.run(wrapper=INSIDE, environment={"LOG_LEVEL": START}) as running:
        at_start = wait_levels(running, (START,))
        require(
            at_start.service == at_start.library == (START,),
            seen=at_start,
            expected=f"{START} alone: LOG_LEVEL is {START}",
            means="Its log has something else than LOG_LEVEL asks for.",
            look="What does set_level() do with the level that it is given?",
        )

        for number, signal in enumerate(SIGNALS):
            running.signal(signal)
            levels = wait_levels(running, EXPECTED[signal])
            lives(levels, signal)
            logs(levels, signal, is_again=signal in SIGNALS[1:number])


def lives(levels: Levels, signal: str) -> None:
    """Require that it still answers."""
    require(
        levels.reply.status is not None,
        seen=levels.reply,
        expected="an answer: the process goes on",
        means=f"{signal} ends the service: what you wanted to see is over.",
        look="Which function handles the signal? It is called with two arguments, number and frame.",
        hint=2,
    )


def logs(levels: Levels, signal: str, *, is_again: bool) -> None:
    """Require the levels that a signal asks for, of the service and of libraries."""
    expected = EXPECTED[signal]
    means = "It is asked for more detail, and logs as if nobody had asked."
    look = "What happens at SIGUSR1? And which logger is asked when a line is worth it?"
    if signal == "SIGUSR2":
        means = f"It does not go back to where it was: LOG_LEVEL is {START}."
        look = "Back is the level that set_level() was given, whichever it is, and not a name in the code."
    elif is_again:
        means = "Two people asked for more detail, and the second got less: USR1 means another thing each time."
        look = "Does the handler of USR1 depend on the level that holds now?"
    if levels.service == expected:
        means = "The service does what it is told, and its libraries do not."
        look = "Whose level did you set? The loggers of libraries ask the root logger, logging.getLogger()."

    require(
        levels.service == levels.library == expected,
        seen=levels,
        expected=f"{', '.join(expected)}, from the service and from libraries",
        means=means,
        look=look,
        hint=2,
    )


def wait_levels(running: RunningService, expected: tuple[str, ...]) -> Levels:
    """Let it log at each level, again and again until it logs at those expected; return the levels it logged last."""
    began = time.monotonic()

    def log_and_read() -> Levels:
        request_id = secrets.token_hex(8)
        reply = ask(running, request_id, "levels")

        def own(log: Lines) -> Lines:
            return log.having("its lines", request_id=request_id)

        log = read_log(running, lambda log: "the service at error" in messages(own(log)))
        service = tuple(level for level in LEVELS if f"the service at {level}" in messages(own(log)))
        library = tuple(level for level in LEVELS if f"a library at {level}" in messages(own(log)))
        got = f"the service: {', '.join(service) or 'none'}; a library: {', '.join(library) or 'none'}"
        called = f"Let the service and a library log at {len(LEVELS)} levels{running.situation}"
        return Levels(called, got, time.monotonic() - began, service, library, reply)

    def is_expected(levels: Levels) -> bool:
        return levels.service == levels.library == expected or running.exit_code() is not None

    return running.poll(log_and_read, is_expected, WAIT_SECONDS, missing="the level was not as expected")


def messages(lines: Lines) -> set[str]:
    """Return what these lines say."""
    return {str(record.get("msg")) for record in lines.records}
