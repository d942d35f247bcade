"""The checks of config.redact and config.file: no secret value is shown, and a secret in a file arrives."""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks import config_trial
from workshop_kit.exercises.checks.config_trial import ConfigCase, Outcome, Refusal
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import SECRETS
from workshop_kit.observe import leaks
from workshop_kit.observe.http import Answer
from workshop_kit.observe.leaks import Surface
from workshop_kit.progress import Step

PASSWORD, PORT, LEVEL = "MASTER_DB_PASSWORD", "MASTER_DB_PORT", "LOG_LEVEL"
PATH = "/tmp/secret"  # noqa: S108  # in the container
PASSWORD_FILE = f"{PASSWORD}_FILE"


@check("config.redact")
def redact(context: Context) -> CheckResult:
    """Plant a canary as the password, and one in place of a port and a level; search all that is printed."""
    service_trial.ensure_up(context.stack, context.report)
    context.report(Step("Check", None, "planting secrets, and looking for them"))
    password, misplaced = leaks.new_canary(), leaks.new_canary()
    right = {PASSWORD: password}
    wrong = {**right, PORT: misplaced, LEVEL: misplaced}
    cases = (ConfigCase(right, without=(PASSWORD_FILE,)), ConfigCase(wrong, without=(PASSWORD_FILE,)))
    with (
        service_trial.build(context) as image,
        ThreadPoolExecutor(1) as pool,
        service_trial.run_with_stack(context, image, environment=wrong, without=(PASSWORD_FILE,)) as broken,
    ):
        loading = pool.submit(config_trial.load, context, image, cases)
        refusal = config_trial.wait_refused(broken)
        log = broken.lines(config_trial.LOG_LIMIT_BYTES)
        outcomes = loading.result()
    accepted, refused = outcomes
    canaries = {"password": password, "misplaced": misplaced}
    findings = (
        log_names_variables(refusal, shows(canaries, {"log": log})),
        printed_settings(accepted, password),
        printed_error(refused, shows(canaries, refused.texts)),
    )
    shown = "Every mistake is named, and no value shows: not in the log, not in a print, not in an error."
    return conclude(shown, findings)


def shows(canaries: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """Return the names of the texts with a canary, or six characters of it, in any of five encodings."""
    hits = leaks.find(canaries, [Surface.of(name, "", text) for name, text in texts.items()])
    return sorted(set(hits["surface"]))


def log_names_variables(refusal: Refusal, leaked: list[str]) -> Finding:
    """Find whether the log names the wrong variables, and no value."""
    means = "A secret that landed in the wrong variable stands in the log now, for everybody who may read logs."
    if not leaked:
        means = "It does not say which variable is wrong: the person who has to correct it must guess."
    return found(
        {PORT, LEVEL} <= refusal.named and not leaked and refusal.code == 1,
        f"Start it with a secret in {PORT} and {LEVEL}, and read its log",
        f"{refusal}; the value {'stands' if leaked else 'does not stand'} in it",
        f"exit code 1, {LEVEL} and {PORT} named, no value",
        means,
        "What does a person need to mend it? The name of the variable, what it is for, and what is wrong.",
    )


def printed_settings(outcome: Outcome, password: str) -> Finding:
    """Find whether the printed settings hide a password that they have."""
    leaked, arrives = shows({"password": password}, outcome.texts), outcome.password == password
    means = "Printing the settings shows the password; a tool that reports crashes with all variables shows it, too."
    if not arrives:
        means = "The service itself no longer gets its password."
    where = f"it shows in {' and in '.join(leaked)}" if leaked else "it shows nowhere"
    return found(
        arrives and not leaked,
        "Load settings, print them, and ask for the password",
        f"{where}; get_secret_value() {'has it' if arrives else f'does not have it ({outcome})'}",
        "it shows nowhere; get_secret_value() has it",
        means,
        "How does the class print itself? repr() of a dataclass has all its fields. pydantic has a type for secrets.",
    )


def printed_error(refused: Outcome, leaked: list[str]) -> Finding:
    """Find whether the printed error hides the value that is refused."""
    return found(
        bool(refused.refused) and not leaked,
        f"Load settings with a secret in {PORT} and {LEVEL}, and print the error and its traceback",
        f"{refused}; {'the value shows in ' + ' and in '.join(leaked) if leaked else 'no value shows'}",
        f"refused: {LEVEL}, {PORT}; no value shows",
        "An error is the first thing that people copy into a ticket or a chat: the value with it.",
        "What becomes part of the text of a Problem?",
    )


@check("config.file")
def file(context: Context) -> CheckResult:
    """Give it the right password in a file, as an editor writes it, and place an order; then files that are wrong."""
    service_trial.ensure_up(context.stack, context.report)
    secret = service_trial.secrets_of(context.stack.container("service"))[f"{SECRETS}/master_db_password"]
    odd = f" {random.Random(context.seed).randrange(10**9)} \t"  # noqa: S311  # no secret
    cases = (
        ConfigCase({PASSWORD_FILE: PATH}, {PATH: f"{odd}\n"}),
        ConfigCase({PASSWORD_FILE: PATH}, {PATH: odd}),
        ConfigCase({PASSWORD_FILE: PATH, PASSWORD: "another"}, {PATH: odd}),
        ConfigCase({PASSWORD_FILE: f"{PATH}-that-is-not-there"}),
        ConfigCase({PASSWORD_FILE: "/tmp"}),  # noqa: S108
    )
    context.report(Step("Check", None, "giving it the password in a file"))
    files = {"password": secret.rstrip("\n") + "\n"}
    environment = {PASSWORD_FILE: f"{service_trial.GIVEN}/password"}
    with (
        service_trial.build(context) as image,
        ThreadPoolExecutor(1) as pool,
        service_trial.run_with_stack(context, image, environment=environment, files=files) as trial,
    ):
        loading = pool.submit(config_trial.load, context, image, cases)
        wait_started(trial)
        order = config_trial.place_order(trial, "config.file")
        outcomes, lines = loading.result(), trial.lines()
    shown = "A secret in a file arrives to the letter, and every mistake with the file names its variable."
    return conclude(shown, file_findings(order, outcomes, odd), lines)


def file_findings(order: Answer, outcomes: list[Outcome], odd: str) -> tuple[Finding, ...]:
    """Return the findings on the order and the five cases; ``odd`` is the secret of the first three."""
    line_end, exact, both, missing, folder = outcomes
    changed = next((one for one in (line_end, exact) if one.password != odd), None)
    no_name = "It fails with a traceback that does not say which variable is wrong."
    two_values = "Two values, and it takes one of them in silence: changing the other one has no effect."
    return (
        found(
            order.status == 201,
            "POST /orders, with the right password in a file, as an editor writes it",
            str(order),
            "201",
            "The password in the file is right, and every order fails: access denied.",
            "Which character follows the last visible one?",
        ),
        found(
            changed is None,
            "A secret with blanks at both ends, in a file with and without a last line end",
            "it arrives as it is" if changed is None else f"{changed}, and it is another secret now",
            "it arrives as it is, without the line end",
            "What belongs to the secret was cut off with the line end, or the line end was not.",
            "Exactly one line end does not belong to it. Blanks do.",
        ),
        _refused(both, "Set it, and name a file, too", two_values),
        _refused(missing, "Name a file that is not there", no_name),
        _refused(folder, "Name a folder", no_name),
    )


def _refused(outcome: Outcome, called: str, means: str) -> Finding:
    return found(
        PASSWORD in outcome.refused or (bool(outcome.refused) and PASSWORD in outcome.said),
        f"{called} ({PASSWORD_FILE})",
        str(outcome),
        f"refused: {PASSWORD}",
        means,
        "Raise ValueError with what is wrong: load() makes a problem of it, with the variable's name.",
    )
