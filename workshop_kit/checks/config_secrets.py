"""The checks of config.redact and config.file: what the log shows of a secret, and what arrives from its file."""

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
from workshop_kit.trials import service_trial, trial_database
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
        service_trial.build(context) as image,
        service_trial.run_with_stack(context, image, environment=environment, without=without) as trial,
    ):
        refusal = config.wait_refused(trial)
    return conclude(REDACT.shown, redact_findings(refusal, canary))


def redact_findings(refusal: Refusal, canary: str) -> list[Finding]:
    """Return the findings on the log; where it names no variable, what it says of each is not compared."""
    log = log_names_variables(refusal, leaked=shows(canary, refusal.text))
    if not log.passed:
        return [log]
    return [log, tells_reasons(refusal.text)]


def shows(canary: str, text: str) -> bool:
    """Return whether a text has the canary, or six characters of it, in any of five encodings."""
    matches = leaks.find({"canary": canary}, [Surface.of("", "", text)])
    return not matches.empty


def log_names_variables(refusal: Refusal, *, leaked: bool) -> Finding:
    """Find whether the error in the log names the wrong variables, and no value."""
    way = "accepted" if refusal.code in (None, 0) else "unnamed"
    if leaked:
        way = "shown"

    got = f"{refusal}; the value {'stands' if leaked else 'does not stand'} in it"
    passed = refusal.code == 1 and refusal.named.issuperset(WRONG) and not leaked
    return REDACT.found(passed, f"log.{way}", got, port=PORT, name=NAME, http=HTTP)


def tells_reasons(text: str) -> Finding:
    """Find whether what is said of a missing variable differs from what is said of one that is no number."""
    reasons = {reason_of(name, text) for name in (NAME, HTTP)}
    got = "two reasons" if len(reasons) > 1 else "the same, or nothing"
    return REDACT.equals("reason", got, name=NAME, http=HTTP)


def reason_of(variable: str, text: str) -> str:
    """Return what a log says of a variable, as far as it can be told from what follows it.

    >>> reason_of("HTTP_PORT", "refused: MASTER_DB_NAME: Field required; HTTP_PORT: no number")
    'no number'
    """
    reason = re.search(rf'{variable}\W+(.*?)(?:"|; |{"|".join(WRONG)}|$)', text, re.MULTILINE)
    return reason[1].strip(" ,.;") if reason else ""


@check("config.file")
def file(context: Context) -> Result:
    """Give it right passwords in files, and place orders; then a password that is set twice, and a folder."""
    service_trial.ensure_up(context.stack, context.report)
    secret = service_trial.secrets_of(context.stack)[f"{SECRETS_FOLDER}/master_db_password"].rstrip("\n")
    path = f"{service_trial.GIVEN}/password"
    with trial_database.start(context.stack, ODD) as database, service_trial.build(context) as image:
        password_file = {PASSWORD_FILE: path}
        file_and_variable = {PASSWORD_FILE: path, PASSWORD: secret}
        with (
            _run(context, image, password_file, f"{secret}\n") as with_line_end,
            _run(context, image, file_and_variable, secret) as with_both,
        ):
            config.wait_listening(with_line_end)
            order = config.place_order(with_line_end)
            lines = with_line_end.log_tail()
            both_refusal = config.wait_refused(with_both)

        database.wait_ready()
        with (
            config.run_on(context, image, database, password_file, files={"password": ODD}) as with_blanks,
            _run(context, image, {PASSWORD_FILE: FOLDER}, secret) as with_folder,
        ):
            outcome = config.order_or_refusal(with_blanks)
            folder_refusal = config.wait_refused(with_folder)

    return conclude(FILE.shown, file_findings(order, outcome, both_refusal, folder_refusal), lines)


def _run(context: Context, image: str, environment: Mapping[str, str], password: str) -> AbstractContextManager[Trial]:
    """Run the image with these variables, and with a password in a file."""
    return service_trial.run_with_stack(context, image, environment=environment, files={"password": password})


def file_findings(
    order: Answer, outcome: Refusal | Answer, both_refusal: Refusal, folder_refusal: Refusal
) -> tuple[Finding, ...]:
    """Return the findings on the order, on the password with blanks, and on the two mistakes with a file."""
    takes_order = FILE.equals("order", str(order), status=201)
    return takes_order, _is_exact(outcome), _refuses(both_refusal, "both"), _refuses(folder_refusal, "folder")


def _is_exact(outcome: Refusal | Answer) -> Finding:
    way = "changed" if isinstance(outcome, Answer) else "refused"
    return FILE.equals(f"exact.{way}", str(outcome), status=201, outcome=outcome)


def _refuses(refusal: Refusal, name: str) -> Finding:
    """Find whether it refused; pydantic names the group, and the sentence has the word."""
    way = "accepted" if refusal.code is None else "raised"
    is_named = GROUP in refusal.text and "PASSWORD" in refusal.text
    is_right = refusal.is_orderly and is_named

    outcome = refusal.raised or str(refusal)
    got = f"exit code 1, and {PASSWORD} is named" if is_right else outcome
    return FILE.found(is_right, f"{name}.{way}", got, variable=PASSWORD, outcome=outcome)
