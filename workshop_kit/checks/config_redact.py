"""The check of config.redact: start the service with a secret in the wrong variables, and search its log."""

from __future__ import annotations

import re

from workshop_kit.checks import config
from workshop_kit.checks.config import PASSWORD, Refusal
from workshop_kit.observe import leaks
from workshop_kit.observe.leaks import Surface
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import Service

PORT = "MASTER_DB_PORT"
NAME = "MASTER_DB_NAME"
HTTP = "HTTP_PORT"
WRONG = (PORT, NAME, HTTP)


@check("config.redact")
def redact(service: Service) -> None:
    """Every mistake is named, and no value is shown."""
    canary = leaks.new_canary()
    environment = dict.fromkeys((PASSWORD, PORT, HTTP), canary)
    without = (f"{PASSWORD}_FILE", NAME)
    with service.run(environment=environment, without=without, starting=True) as running:
        refusal = config.wait_start_end(running)

    names_the_variables_alone(refusal, canary)
    gives_two_reasons(refusal.text)


def names_the_variables_alone(refusal: Refusal, canary: str) -> None:
    """Require exit code 1 and the three variables in the log, and no part of the canary in any encoding."""
    is_leaked = not leaks.find({"canary": canary}, [Surface.of("", "", refusal.text)]).empty

    means = "It does not say which variables are wrong, so you have to guess."
    look = "problems() writes the name before what this function returns. What happened to it?"
    if refusal.code in (None, 0):
        means = "It accepts settings that cannot be used."
        look = "The service refuses what the model refuses. What happened to the problem?"
    if is_leaked:
        means = "A secret was in the wrong variable. Now it is in the log, for everyone who may read logs."
        look = (
            "You need the name of the variable and what is wrong with it, but not the value, which is detail['input']. "
            "For a missing variable, that is the whole group."
        )

    verb = "is" if is_leaked else "is not"
    require(
        refusal.code == 1 and refusal.variables.issuperset(WRONG) and not is_leaked,
        seen=Observation(
            f"Start it with a password in {PORT} and in {HTTP}, without {NAME}, and read its log",
            f"{refusal}; the value {verb} in it",
            0.0,
        ),
        expected="exit code 1, the three variables named, no value",
        means=means,
        look=look,
    )


def gives_two_reasons(log: str) -> None:
    """Expect one reason for the variable that is missing, and another for one that is no number."""
    reasons = {reason_of(name, log) for name in (NAME, HTTP)}
    expect(
        len(reasons) > 1,
        seen=Observation(
            f"Compare what it says of {NAME}, which is missing, with what it says of {HTTP}, which is no number",
            "two reasons" if len(reasons) > 1 else "the same, or nothing",
            0.0,
        ),
        expected="two reasons",
        means="It says the same about both mistakes. You learn which variable is wrong, but not what is wrong with it.",
        look="pydantic says what is wrong without the value. Which keys does detail have?",
        hint=2,
    )


def reason_of(variable: str, log: str) -> str:
    """Return what a log says of a variable: the text from its name to a quote, a semicolon, another name or a line end.

    >>> reason_of("HTTP_PORT", "refused: MASTER_DB_NAME: Field required; HTTP_PORT: no number")
    'no number'
    >>> reason_of("MASTER_DB_NAME", '{"problems":["MASTER_DB_NAME: Field required","HTTP_PORT: no number"]}')
    'Field required'
    """
    names = "|".join(WRONG)
    match = re.search(rf'{variable}\W+(.*?)(?:"|; |{names}|$)', log, re.MULTILINE)
    return match[1].strip(" ,.;") if match else ""
