"""The checks of config.redact and config.file: whether the log shows a secret, and whether it is read from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager

from workshop_kit.checks import config
from workshop_kit.checks.config import PASSWORD, Refusal
from workshop_kit.engine.containers import SECRETS_FOLDER
from workshop_kit.observe import leaks
from workshop_kit.observe.http import Answer
from workshop_kit.observe.leaks import Surface
from workshop_kit.trials import service_image, service_trial, trial_database
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

REDACT = findings("config.redact")
FILE = findings("config.file")
PORT = "MASTER_DB_PORT"
NAME = "MASTER_DB_NAME"
HTTP = "HTTP_PORT"
WRONG = (PORT, NAME, HTTP)
PASSWORD_FILE = f"{PASSWORD}_FILE"
GROUP = "MASTER_DB"
ODD = " odd \t"
FOLDER = "/tmp"  # noqa: S108  # in the container


@check("config.redact")
def redact(context: Context) -> Result:
    """Plant a canary as the password and in place of two ports, leave out a name, and search the log."""
    service_trial.ensure_up(context.stack, context.report)
    canary = leaks.new_canary()
    environment = dict.fromkeys((PASSWORD, PORT, HTTP), canary)
    without = (PASSWORD_FILE, NAME)
    with (
        service_image.build(context) as image,
        service_trial.run_with_stack(context, image, environment=environment, without=without) as trial,
    ):
        refusal = config.wait_start_end(trial)
    return conclude(REDACT.success_summary, redact_findings(refusal, canary))


def redact_findings(refusal: Refusal, canary: str) -> list[Finding]:
    """Return the findings on the log; the reasons in it are judged only if it names the variables, and no value."""
    names_variables = log_finding(refusal, leaked=shows(canary, refusal.text))
    if not names_variables.passed:
        return [names_variables]
    return [names_variables, reasons_finding(refusal.text)]


def shows(canary: str, text: str) -> bool:
    """Return whether a text has the canary, or six characters of it, in any of the encodings that `leaks` knows."""
    matches = leaks.find({"canary": canary}, [Surface.of("", "", text)])
    return not matches.empty


def log_finding(refusal: Refusal, *, leaked: bool) -> Finding:
    """Find whether the log names the wrong variables, and shows no value; ``leaked`` says that it shows one."""
    way_to_fail = "unnamed"
    if leaked:
        way_to_fail = "shown"
    elif refusal.code in (None, 0):
        way_to_fail = "accepted"

    verb = "stands" if leaked else "does not stand"
    observation = f"{refusal}; the value {verb} in it"
    passed = refusal.code == 1 and refusal.variables.issuperset(WRONG) and not leaked
    return REDACT.found(passed, f"log.{way_to_fail}", observation, port=PORT, name=NAME, http=HTTP)


def reasons_finding(text: str) -> Finding:
    """Find whether a log gives different reasons for a variable that is missing and for one that is no number."""
    reasons = {reason_of(name, text) for name in (NAME, HTTP)}
    observation = "two reasons" if len(reasons) > 1 else "the same, or nothing"
    return REDACT.equals("reason", observation, name=NAME, http=HTTP)


def reason_of(variable: str, text: str) -> str:
    """Return what a log says of a variable: the text from its name to a quote, a semicolon, another name or a line end.

    >>> reason_of("HTTP_PORT", "refused: MASTER_DB_NAME: Field required; HTTP_PORT: no number")
    'no number'
    """
    names = "|".join(WRONG)
    match = re.search(rf'{variable}\W+(.*?)(?:"|; |{names}|$)', text, re.MULTILINE)
    return match[1].strip(" ,.;") if match else ""


@check("config.file")
def file(context: Context) -> Result:
    """Start the service with passwords in files, and place orders; then with two mistakes that it should refuse.

    The mistakes are a password that is set twice, and the path of a folder.
    """
    service_trial.ensure_up(context.stack, context.report)
    secret = service_trial.secrets_of(context.stack)[f"{SECRETS_FOLDER}/master_db_password"].rstrip("\n")
    path = f"{service_trial.GIVEN}/password"
    with trial_database.start(context.stack, ODD) as database, service_image.build(context) as image:
        password_file = {PASSWORD_FILE: path}
        file_and_variable = {PASSWORD_FILE: path, PASSWORD: secret}
        with (
            _run_with_file(context, image, password_file, f"{secret}\n") as line_end_trial,
            _run_with_file(context, image, file_and_variable, secret) as both_trial,
        ):
            config.wait_listening(line_end_trial)
            order = config.place_order(line_end_trial)
            lines = line_end_trial.log_tail()
            both_refusal = config.wait_start_end(both_trial)

        database.wait_ready()
        with (
            config.run_on(context, image, database, password_file, files={"password": ODD}) as blanks_trial,
            _run_with_file(context, image, {PASSWORD_FILE: FOLDER}, secret) as folder_trial,
        ):
            outcome = config.order_or_refusal(blanks_trial)
            folder_refusal = config.wait_start_end(folder_trial)

    return conclude(FILE.success_summary, file_findings(order, outcome, both_refusal, folder_refusal), lines)


def _run_with_file(
    context: Context, image: str, environment: Mapping[str, str], password: str
) -> AbstractContextManager[Trial]:
    """Run the image with these variables, and with a file that holds a password."""
    return service_trial.run_with_stack(context, image, environment=environment, files={"password": password})


def file_findings(
    order: Answer, outcome: Refusal | Answer, both_refusal: Refusal, folder_refusal: Refusal
) -> tuple[Finding, ...]:
    """Return the findings on the order, on the password with blanks, and on the two mistakes.

    ``outcome`` is the answer to an order with a password with blanks, or the refusal to start with it.
    ``both_refusal`` is that of a password in the file and in the variable, ``folder_refusal`` that of a folder's path.
    """
    return (
        FILE.equals("order", str(order), status=201),
        _exact_finding(outcome),
        _refusal_finding(both_refusal, "both"),
        _refusal_finding(folder_refusal, "folder"),
    )


def _exact_finding(outcome: Refusal | Answer) -> Finding:
    """Find whether an order is placed with a password that has blanks at its ends."""
    way_to_fail = "changed" if isinstance(outcome, Answer) else "refused"
    return FILE.equals(f"exact.{way_to_fail}", str(outcome), status=201, outcome=outcome)


def _refusal_finding(refusal: Refusal, name: str) -> Finding:
    """Find whether the service refused a mistake, and named the variable; ``name`` is the mistake's key.

    The name may come in two parts: pydantic names the group of settings, and its sentence has the field.
    """
    way_to_fail = "accepted" if refusal.code is None else "raised"
    is_named = GROUP in refusal.text and "PASSWORD" in refusal.text
    is_right = refusal.is_orderly and is_named

    outcome = refusal.exception or str(refusal)
    observation = f"exit code 1, and {PASSWORD} is named" if is_right else outcome
    return FILE.found(is_right, f"{name}.{way_to_fail}", observation, variable=PASSWORD, outcome=outcome)
