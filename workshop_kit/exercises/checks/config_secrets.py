"""The checks of config.redact, config.file and config.restore: what is shown, what arrives, and what tests leave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from workshop_kit.engine.containers import SECRETS_FOLDER
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check
from workshop_kit.exercises.checks import config
from workshop_kit.exercises.checks.config import PASSWORD, ConfigCase, LoadResult, Refusal
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found, has_status
from workshop_kit.observe import leaks
from workshop_kit.observe.http import Answer
from workshop_kit.observe.leaks import Surface

PORT, LEVEL = "MASTER_DB_PORT", "LOG_LEVEL"
PATH = "/tmp/secret"  # noqa: S108  # in the container
PASSWORD_FILE = f"{PASSWORD}_FILE"
ODD = " odd \t"


@check("config.redact")
def redact(context: Context) -> Result:
    """Plant a canary as the password, then in place of a port and a level; search what is printed and logged."""
    canary = leaks.new_canary()
    wrong = dict.fromkeys((PASSWORD, PORT, LEVEL), canary)
    with (
        service_trial.build(context) as image,
        ThreadPoolExecutor(1) as pool,
        service_trial.run_with_stack(context, image, environment=wrong, without=(PASSWORD_FILE,)) as broken,
    ):
        loading = pool.submit(config.load, context, image, [({PASSWORD: canary}, {})])
        refusal = config.wait_refused(broken)
        leaked = shows(canary, broken.lines(config.LOG_LIMIT_BYTES))
        (accepted,) = loading.result()
    findings = (log_names_variables(refusal, leaked=leaked), printed_settings(accepted, canary))
    return conclude("Every mistake is named, and no value shows: not in an error in the log, not in a print.", findings)


def shows(canary: str, text: str) -> bool:
    """Return whether a text has the canary, or six characters of it, in any of five encodings."""
    return not leaks.find({"canary": canary}, [Surface.of("", "", text)]).empty


def log_names_variables(refusal: Refusal, *, leaked: bool) -> Finding:
    """Find whether the error in the log names the wrong variables, and no value."""
    means = "A secret that landed in the wrong variable stands in the log now, for everybody who may read logs."
    if not leaked:
        means = "It does not say which variable is wrong: the person who has to correct it must guess."
    return found(
        {PORT, LEVEL} <= refusal.named and not leaked and refusal.code == 1,
        f"Start it with a secret in {PORT} and {LEVEL}, and read its log",
        f"{refusal}; the value {'stands' if leaked else 'does not stand'} in it",
        f"exit code 1, {LEVEL} and {PORT} named, no value",
        means,
        "What does a person need to correct it? The name of the variable, what it is for, and what is wrong.",
    )


def printed_settings(outcome: LoadResult, password: str) -> Finding:
    """Find whether the printed settings hide a password that they have."""
    leaked, arrives = shows(password, outcome.printed), outcome.password == password
    means = "Printing the settings shows the password; a tool that reports crashes with all variables shows it, too."
    return found(
        arrives and not leaked,
        "Load settings, print them, and ask for the password",
        f"it shows {'in the print' if leaked else 'nowhere'}; get_secret_value() {'has it' if arrives else 'lacks it'}",
        "it shows nowhere; get_secret_value() has it",
        means if arrives else f"The service itself no longer gets its password: {outcome}.",
        "How does the class print itself? repr() of a dataclass has all its fields. pydantic has a type for secrets.",
    )


@check("config.file")
def file(context: Context) -> Result:
    """Give it the right password in a file, as an editor writes it, and place an order; then files that are wrong."""
    service_trial.ensure_up(context.stack, context.report)
    secret = service_trial.secrets_of(context.stack)[f"{SECRETS_FOLDER}/master_db_password"]
    cases: list[ConfigCase] = [
        ({PASSWORD_FILE: PATH}, {PATH: ODD}),
        ({PASSWORD_FILE: PATH, PASSWORD: "another"}, {PATH: ODD}),
        ({PASSWORD_FILE: "/tmp"}, {}),  # noqa: S108
    ]
    files = {"password": secret.rstrip("\n") + "\n"}
    environment = {PASSWORD_FILE: f"{service_trial.GIVEN}/password"}
    with (
        service_trial.build(context) as image,
        ThreadPoolExecutor(1) as pool,
        service_trial.run_with_stack(context, image, environment=environment, files=files) as trial,
    ):
        loading = pool.submit(config.load, context, image, cases)
        service_trial.wait_started(trial)
        order = config.place_order(trial)
        outcomes, lines = loading.result(), trial.lines()
    shown = "A secret in a file arrives to the letter, and every mistake with the file names its variable."
    return conclude(shown, file_findings(order, outcomes), lines)


def file_findings(order: Answer, outcomes: list[LoadResult]) -> tuple[Finding, ...]:
    """Return the findings on the order and the three cases."""
    exact, both, folder = outcomes
    no_name = "It fails with a traceback that does not say which variable is wrong."
    two_values = "Two values, and it takes one of them in silence: changing the other one has no effect."
    return (
        has_status(
            order,
            201,
            "POST /orders, with the right password in a file, as an editor writes it",
            "The password in the file is right, and every order fails: access denied.",
            "Which character follows the last visible one?",
        ),
        found(
            exact.password == ODD,
            "A secret with blanks at both ends, in a file without a last line end",
            "it arrives as it is" if exact.password == ODD else f"{exact}, and it is another secret now",
            "it arrives as it is",
            "What belongs to the secret was cut off with the line end.",
            "Exactly one line end does not belong to it. Blanks do.",
        ),
        _refused(both, "Set it, and name a file, too", two_values),
        _refused(folder, "Name a folder, which cannot be read", no_name),
    )


def _refused(outcome: LoadResult, called: str, means: str) -> Finding:
    return found(
        any(PASSWORD in variable for variable in outcome.refused),
        f"{called} ({PASSWORD_FILE})",
        str(outcome),
        f"refused: {PASSWORD}",
        means,
        "Raise ValueError with what is wrong: load() makes a problem of it, with the variable's name.",
    )


LOOK_BACK = "What was there before, for each of the variables? A variable that was not there has no value, not even ''."
SITUATIONS = (
    ("plain", "A test that sets a variable which was not there, and one that was", LOOK_BACK),
    ("raising", "A test that fails within the block", "What runs even if a test fails?"),
    ("nested", "A block within a block", "The inner block restores what it found."),
)
"""The functions of config_inside.py, what they do, and where to look."""
LEFT_EMPTY = "After one test, all that follow fail: the variable that was not there is left behind, empty."
LEFT = "The next test runs in another environment, or this one did not run as it asked for."


@check("config.restore")
def restore(context: Context) -> Result:
    """Use the participant's context manager in three situations, and read the variables afterwards."""
    with service_trial.build(context) as image:
        seen = config.run_inside(context, image)
    right = _told("as asked", None, "before")
    findings = (
        equals(called, _told(*seen[name])[:300], right, LEFT_EMPTY if seen[name][1] == "" else LEFT, look)
        for name, called, look in SITUATIONS
    )
    return conclude("After each test, the next one finds the environment as it was.", findings)


def _told(within: str, absent: str | None, present: str | None) -> str:
    first, second = ("not there" if value is None else repr(value) for value in (absent, present))
    return f"within the block {within}; afterwards the first is {first}, the second {second}"
