"""The checks of config.env and config.report, and what the checks of config.py share: load(), a refusal, an order."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine import store
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, Context, check
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found, has_none
from workshop_kit.exercises.start_failure import did_not_start
from workshop_kit.exercises.trial import MARK, PORT, START_SECONDS, Trial, printed_json
from workshop_kit.observe.http import Answer

INSIDE = Path(__file__).with_name("config_inside.py")
PROGRAM = "inside.py"
PROGRAM_SECONDS, REFUSE_SECONDS = 20.0, 30.0
"""For a busy machine: importing the modules takes most of the time. On an idle one no step waits for it."""
LOG_LIMIT_BYTES = 64 * 1024
MISSING = ("MASTER_DB_NAME", "REDIS_PASSWORD", "REPLICA_DB_HOST", "REPLICA_DB_PORT")
"""Variables without which the service cannot start; one of them is a secret's."""
VARIABLE = re.compile(r"(?<![A-Z_])(?:MASTER_DB|REPLICA_DB|REDIS|HTTP|LOG)_[A-Z_]+(?<!_FILE)(?=_FILE\b|\b)")
TRIES, PAUSE_SECONDS = 3, 0.2
"""A busy database answers too late now and then; one that refuses the password refuses it every time."""
OTHER_PORT, NO_PORT, OTHER_DATABASE = 8531, "abc", "shop_staging"
PASSWORD = "MASTER_DB_PASSWORD"  # noqa: S105  # a variable's name
HANDED_OVER = "handed-over-by-the-check"


ConfigCase = tuple[Mapping[str, str], Mapping[str, str]]
"""For load(): changes of the service's own environment, and the texts of files that it may name (paths below /tmp)."""


@dataclass(frozen=True)
class LoadResult:
    """The outcome of load(): a ``password`` and the printed settings, or what was ``refused``, or ``raised``."""

    password: str | None = None
    refused: Sequence[str] = ()
    raised: str = ""
    printed: str = ""

    def __str__(self) -> str:
        if self.raised:
            return f"{self.raised}, which is no ConfigError"
        return f"refused: {', '.join(self.refused)}" if self.password is None else "accepted"


def load(context: Context, image: str, cases: Sequence[ConfigCase]) -> list[LoadResult]:
    """Return the outcome of each case. Raises CheckEnded as `run_inside` does."""
    return [LoadResult(**outcome) for outcome in run_inside(context, image, json.dumps(cases))]


def run_inside(context: Context, image: str, *arguments: str) -> Any:
    """Run config_inside.py beside the participant's modules; return the JSON that it prints.

    Raises CheckEnded if there is no such line: a module could not be imported, or ended the process.
    """
    with service_trial.run_with_stack(
        context,
        image,
        environment={"PYTHONPATH": "/app"},
        files={PROGRAM: INSIDE.read_text()},
        entrypoint=("python", f"{service_trial.GIVEN}/{PROGRAM}"),
        command=(MARK, *arguments),
    ) as trial:
        trial.wait_ended(PROGRAM_SECONDS)
        try:
            return printed_json(trial.lines(LOG_LIMIT_BYTES))
        except ValueError:
            raise CheckEnded(did_not_start(trial)) from None


@dataclass(frozen=True)
class Refusal:
    """The end of a start: its exit code (None: it still runs), the variables that its log names, and its lines."""

    code: int | None
    named: frozenset[str]
    lines: int
    json_lines: int

    def __str__(self) -> str:
        if self.code is None:
            return "it started, and runs"
        return f"exit code {self.code}; named in its log: {', '.join(sorted(self.named)[:5]) or 'no variable'}"


def wait_refused(trial: Trial) -> Refusal:
    """Wait until the service has ended, or answers; read its log."""
    trial.wait_answer("/livez", within_seconds=REFUSE_SECONDS)
    code, text = trial.exit_code(), trial.lines(LOG_LIMIT_BYTES)
    lines = [line for line in text.split("\n") if line.strip()]
    return Refusal(code, frozenset(VARIABLE.findall(text)), len(lines), sum(line.startswith("{") for line in lines))


def place_order(trial: Trial) -> Answer:
    """Place an order once the service has tried to connect; try again unless it is placed."""

    def body() -> str:
        return trial.get("/readyz").body

    trial.poll(body, lambda text: "starting" not in text, START_SECONDS, missing="it was still starting")
    for _ in range(TRIES):
        answer = trial.post("/orders", service_trial.ORDER)
        if answer.status == 201:
            break
        time.sleep(PAUSE_SECONDS)
    return answer


@check("config.env")
def env(context: Context) -> Result:
    """Start it with another port and another database, once with a wrong port; then call load() itself."""
    with (
        service_trial.build(context) as image,
        service_trial.run_with_stack(context, image, **_other_settings(context)) as trial,
        service_trial.run_with_stack(context, image, environment={"HTTP_PORT": NO_PORT}) as broken,
    ):
        listening = _first_to_answer(replace(trial, port=OTHER_PORT), trial)
        context.report_step("placing an order in another database")
        order, log = place_order(listening), trial.lines(LOG_LIMIT_BYTES)
        findings = [
            _uses_database(order, log),
            _listens_on(listening.port),
            _refuses_wrong_port(wait_refused(broken)),
            _uses_argument(context, image),
            _prints_no_secret(log),
        ]
        lucky = order.status == 201 and not any(finding.passed for finding in findings[:2])
        symptom = f"It works where its own settings happen to be right. {findings[0].means}" if lucky else ""
        shown = "It follows its settings: the same code did other things in another environment."
        return conclude(shown, findings, trial.lines(), lucky=lucky, symptom=symptom)


def _other_settings(context: Context) -> dict[str, Any]:
    """Return the options of a trial with another port and database, and without files of secrets."""
    service_trial.ensure_up(context.stack, context.report)
    own = store.settings_of(context.stack).items()
    secrets = {store.variable(name): value.get_secret_value() for name, value in own if isinstance(value, SecretStr)}
    return {
        "environment": {**secrets, "HTTP_PORT": str(OTHER_PORT), "MASTER_DB_NAME": OTHER_DATABASE},
        "without": [f"{name}_FILE" for name in secrets],  # a file would win over a constant in the code
        "ports": (PORT, OTHER_PORT),
    }


def _first_to_answer(*trials: Trial) -> Trial:
    """Return the first of several ports of one container that answers. Raises CheckEnded if none does."""
    first = trials[0]

    def look() -> Trial | None:
        return next((one for one in trials if one.get("/livez").status == 200), None)

    def over(answering: Trial | None) -> bool:
        return answering is not None or first.exit_code() is not None

    missing = f"no good answer to GET /livez on port {first.port}"
    answering = first.poll(look, over, START_SECONDS, missing=missing)
    if answering is None:
        raise CheckEnded(did_not_start(first))
    return answering


def _uses_database(order: Answer, log: str) -> Finding:
    """Find whether an order went to the database of the settings: MariaDB refuses a name that it does not have."""
    asked = OTHER_DATABASE in log
    means = "An order went to a database that it was not told to use: a test in staging, and production has the order."
    return found(
        asked,
        f"POST /orders, with MASTER_DB_NAME={OTHER_DATABASE}, which does not exist",
        f"{order}; {OTHER_DATABASE} is {'' if asked else 'not '}what it asked the database for",
        f"503, since it asked for {OTHER_DATABASE}",
        means if order.status == 201 else f"Orders failed, and not because it asked for {OTHER_DATABASE}.",
        "Where does the name of the database come from?",
    )


def _listens_on(port: int) -> Finding:
    return equals(
        f"GET /livez, with HTTP_PORT={OTHER_PORT}",
        f"it listens on {port}",
        f"it listens on {OTHER_PORT}",
        f"It was told to listen on {OTHER_PORT}, and does not answer there.",
        "Where does the port come from?",
    )


def _refuses_wrong_port(refusal: Refusal) -> Finding:
    return found(
        refusal.code not in (None, 0) and "HTTP_PORT" in refusal.named,
        f"Start it with HTTP_PORT={NO_PORT}",
        str(refusal),
        "exit code 1, and HTTP_PORT named in its log",
        "It does not refuse a port that is no number: the setting does not reach it, or is not validated.",
        "Does the text of the variable reach the model that knows the types?",
    )


def _uses_argument(context: Context, image: str) -> Finding:
    (outcome,) = load(context, image, [({PASSWORD: HANDED_OVER}, {})])
    return equals(
        "Hand load() an environment that the process does not have",
        "it has what was handed over" if outcome.password == HANDED_OVER else "it has something else",
        "it has what was handed over",
        "It reads os.environ, or read it when the module was imported: load() gets an environment and does not use it.",
        "The environment is the argument of read(): a test hands over another one.",
    )


def _prints_no_secret(log: str) -> Finding:
    """Find whether the log has no secret, which `Trial.lines` masks."""
    return equals(
        "Look for a password in its log",
        "there is one" if "(secret)" in log else "none",
        "none",
        "It prints what it reads, and a password is part of it: everyone who may read the log knows it now.",
        "What writes a line while it reads?",
    )


@check("config.report")
def report(context: Context) -> Result:
    """Start it with some variables missing: one line should name them all, and nothing else."""
    without = (*MISSING, *(f"{name}_FILE" for name in MISSING))
    with service_trial.build(context) as image, service_trial.run_with_stack(context, image, without=without) as trial:
        context.report_step(f"waiting for it to refuse without {len(MISSING)} of its variables")
        findings = report_findings(wait_refused(trial))
        return conclude("One start named all missing variables, in one line.", findings, trial.lines())


def report_findings(refusal: Refusal) -> tuple[Finding, ...]:
    """Return the findings on the exit code, the variables named, those named without a reason, and the lines."""
    count, named = len(MISSING), [name for name in MISSING if name in refusal.named]
    deploys = f": you need {count} deploys to learn all {count}" if len(named) == 1 else ""
    return (
        found(
            refusal.code == 1,
            "Start it without them",
            f"exit code {refusal.code}" if refusal.code is not None else "it still runs",
            f"exit code 1 within {REFUSE_SECONDS:g} s",
            "It does not refuse, although it was not told where its database is: the first customer finds out.",
            "What does load() do with the problems that this function returns?",
        ),
        found(
            len(named) == count,
            f"Look for {', '.join(MISSING)} in its log",
            f"named: {', '.join(named) or 'none'}",
            f"all {count} named",
            f"{count} variables are missing, and it names {len(named) or 'none'} of them{deploys}.",
            "What happens after the first one is found?",
        ),
        has_none(
            sorted(refusal.named.difference(MISSING)),
            "Look for other variables in its log",
            "It complains about variables with which nothing is wrong: a search for the mistake is in vain.",
            "Which variables are required, and which of those are set? A secret may also be set as …_FILE.",
        ),
        found(
            refusal.lines == refusal.json_lines == 1,
            "Count the lines of its log",
            f"{refusal.lines} in all, {refusal.json_lines} of them JSON",
            "one line, of JSON",
            "What it says is spread over several lines, or is no JSON: no search finds it as one event.",
            "Return the problems; load() and the service's main() make one line of them.",
        ),
    )
