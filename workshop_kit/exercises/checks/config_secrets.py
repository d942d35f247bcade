"""The checks of config.redact, config.file and config.restore: what is shown, what arrives, and what tests leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from workshop_kit.engine.containers import SECRETS_FOLDER
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check
from workshop_kit.exercises.checks import config
from workshop_kit.exercises.checks.config import PASSWORD, ConfigCase, LoadResult, Refusal
from workshop_kit.exercises.findings import findings
from workshop_kit.exercises.result import Finding, Result, conclude
from workshop_kit.observe import leaks
from workshop_kit.observe.http import Answer
from workshop_kit.observe.leaks import Surface

REDACT = findings("config.redact")
FILE = findings("config.file")
RESTORE = findings("config.restore")
PORT = "MASTER_DB_PORT"
LEVEL = "LOG_LEVEL"
PATH = "/tmp/secret"  # noqa: S108  # in the container
PASSWORD_FILE = f"{PASSWORD}_FILE"
ODD = " odd \t"
LONGEST_TOLD = 300


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
    return conclude(REDACT.shown, (log_names_variables(refusal, leaked=leaked), printed_settings(accepted, canary)))


def shows(canary: str, text: str) -> bool:
    """Return whether a text has the canary, or six characters of it, in any of five encodings."""
    return not leaks.find({"canary": canary}, [Surface.of("", "", text)]).empty


def log_names_variables(refusal: Refusal, *, leaked: bool) -> Finding:
    """Find whether the error in the log names the wrong variables, and no value."""
    names_both = {PORT, LEVEL} <= refusal.named
    way = "accepted" if refusal.code in (None, 0) else "unnamed"
    if leaked:
        way = "shown"
    got = f"{refusal}; the value {'stands' if leaked else 'does not stand'} in it"
    return REDACT.found(refusal.code == 1 and names_both and not leaked, f"log.{way}", got, port=PORT, level=LEVEL)


def printed_settings(outcome: LoadResult, password: str) -> Finding:
    """Find whether the printed settings hide a password that they have."""
    leaked = shows(password, outcome.printed)
    arrives = outcome.password == password
    shown = "in the print" if leaked else "nowhere"
    has_it = "has it" if arrives else "lacks it"
    way = "shown" if arrives else "lost"
    got = f"it shows {shown}; get_secret_value() {has_it}"
    return REDACT.found(arrives and not leaked, f"print.{way}", got, outcome=outcome)


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
        outcomes = loading.result()
        lines = trial.lines()
    return conclude(FILE.shown, file_findings(order, outcomes), lines)


def file_findings(order: Answer, outcomes: Sequence[LoadResult]) -> tuple[Finding, ...]:
    """Return the findings on the order and the three cases; what fails as the first one does is left out."""
    exact, both, folder = outcomes
    placed = FILE.equals("order", str(order), status=201)
    if exact.raised:
        return placed, _exact(exact)
    return placed, _exact(exact), _refused(both, "both"), _refused(folder, "folder")


def _exact(outcome: LoadResult) -> Finding:
    arrives = outcome.password == ODD
    way = "refused" if outcome.password is None else "changed"
    got = "it arrives as it is" if arrives else str(outcome)
    return FILE.found(arrives, f"exact.{way}", got, outcome=outcome)


def _refused(outcome: LoadResult, name: str) -> Finding:
    way = "raised" if outcome.password is None else "accepted"
    is_named = any(PASSWORD in variable for variable in outcome.refused)
    return FILE.found(is_named, f"{name}.{way}", str(outcome), variable=PASSWORD, outcome=outcome)


Seen = tuple[str, str | None, str | None]
"""What a situation of config_inside.py left: how its block went, and the values of the two variables afterwards."""
RIGHT: Seen = ("as asked", None, "before")


@check("config.restore")
def restore(context: Context) -> Result:
    """Use the participant's context manager in three situations, and read the variables afterwards."""
    with service_trial.build(context) as image:
        seen = config.run_inside(context, image)
    return conclude(RESTORE.shown, restore_findings({name: (*values,) for name, values in seen.items()}))


def restore_findings(seen: Mapping[str, Seen]) -> tuple[Finding, ...]:
    """Return the findings on the three situations; what only repeats the failure of the first is left out."""
    plain = seen["plain"]
    if plain == RIGHT:
        return tuple(_restored(name, values) for name, values in seen.items())
    judged = [_restored("plain", plain)]
    if seen["raising"] != plain:
        judged.append(_restored("raising", seen["raising"]))
    return tuple(judged)


def _restored(name: str, seen: Seen) -> Finding:
    within, absent, _ = seen
    way = "left"
    if within != RIGHT[0]:
        way = "within"
    elif name == "plain" and absent == "":
        way = "empty"
    key = name if name == "nested" else f"{name}.{way}"
    return RESTORE.equals(key, _told(*seen)[:LONGEST_TOLD], right=_told(*RIGHT))


def _told(within: str, absent: str | None, present: str | None) -> str:
    first, second = ("not there" if value is None else repr(value) for value in (absent, present))
    return f"within the block {within}; afterwards the first is {first}, the second {second}"
