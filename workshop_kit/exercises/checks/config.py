"""The checks of config.env and config.report, and what the checks of config.py share: load(), a refusal, an order."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine import store
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, Context, check
from workshop_kit.exercises.findings import findings
from workshop_kit.exercises.result import Finding, Result, conclude
from workshop_kit.exercises.start_failure import did_not_start, exception_reason
from workshop_kit.exercises.trial import MARK, PORT, START_SECONDS, Trial, printed_json
from workshop_kit.observe.http import Answer

ENV = findings("config.env")
REPORT = findings("config.report")
INSIDE = Path(__file__).with_name("config_inside.py")
PROGRAM = "inside.py"
PROGRAM_SECONDS = 20.0
REFUSE_SECONDS = 30.0
"""For a busy machine: importing the modules takes most of the time. On an idle one no step waits for it."""
LOG_LIMIT_BYTES = 64 * 1024
MISSING = ("MASTER_DB_NAME", "REDIS_PASSWORD", "REPLICA_DB_HOST", "REPLICA_DB_PORT")
"""Variables without which the service cannot start; one of them is a secret's."""
ALSO_REQUIRED = "MASTER_DB_USER"
"""Another one, which is set when the others are missing."""
VARIABLE = re.compile(r"(?<![A-Z_])(?:MASTER_DB|REPLICA_DB|REDIS|HTTP|LOG)_[A-Z_]+(?<!_FILE)(?=_FILE\b|\b)")
TRIES = 3
PAUSE_SECONDS = 0.2
"""A busy database answers too late now and then; one that refuses the password refuses it every time."""
OTHER_PORT = 8531
NO_PORT = "abc"
OTHER_DATABASE = "shop_staging"
PASSWORD = "MASTER_DB_PASSWORD"  # noqa: S105  # a variable's name
HANDED_OVER = "handed-over-by-the-check"


ConfigCase = tuple[Mapping[str, str | None], Mapping[str, str]]
"""For load(): changes of the service's own environment (None: not set), and the texts of files below /tmp."""


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
    """The end of a start: its exit code (None: it still runs), the variables that its log names, and its lines.

    ``raised`` is the exception in its log.
    """

    code: int | None
    named: frozenset[str]
    lines: int
    json_lines: int
    raised: str = ""

    def __str__(self) -> str:
        if self.code is None:
            return "it started, and runs"
        return f"exit code {self.code}; named in its log: {', '.join(sorted(self.named)[:5]) or 'no variable'}"


def wait_refused(trial: Trial) -> Refusal:
    """Wait until the service has ended, or answers; read its log."""
    trial.wait_answer("/livez", within_seconds=REFUSE_SECONDS)
    code = trial.exit_code()
    text = trial.lines(LOG_LIMIT_BYTES)
    lines = [line for line in text.split("\n") if line.strip()]
    json_lines = [line for line in lines if line.startswith("{")]
    named = frozenset(VARIABLE.findall(text))
    return Refusal(code, named, len(lines), len(json_lines), exception_reason(text))


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
        order = place_order(listening)
        log = trial.lines(LOG_LIMIT_BYTES)
        return _env_result(context, image, listening, broken, order, log)


def _env_result(context: Context, image: str, listening: Trial, broken: Trial, order: Answer, log: str) -> Result:
    """Return the result; what follows from settings that are not followed at all is left out."""
    database = _uses_database(order, log)
    port = _listens_on(listening.port)
    all_findings = [database, port]
    if port.passed:
        all_findings.append(_refuses_wrong_port(wait_refused(broken)))
    if database.passed or port.passed:
        all_findings.append(_uses_argument(context, image))
    all_findings.append(_prints_no_secret(log))
    lucky = order.status == 201 and not (database.passed or port.passed)
    return conclude(ENV.shown, all_findings, listening.lines(), lucky=lucky)


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
    way = "elsewhere" if order.status == 201 else "failed"
    got = f"{order}; it asked for {OTHER_DATABASE if asked else 'another database'}"
    return ENV.found(asked, f"database.{way}", got, name=OTHER_DATABASE)


def _listens_on(port: int) -> Finding:
    return ENV.equals("port", f"it listens on {port}", port=OTHER_PORT)


def _refuses_wrong_port(refusal: Refusal) -> Finding:
    is_refused = refusal.code not in (None, 0)
    way = "unnamed" if is_refused else "accepted"
    return ENV.found(is_refused and "HTTP_PORT" in refusal.named, f"wrong-port.{way}", str(refusal), port=NO_PORT)


def _uses_argument(context: Context, image: str) -> Finding:
    (outcome,) = load(context, image, [({PASSWORD: HANDED_OVER}, {})])
    has_it = outcome.password == HANDED_OVER
    return ENV.found(has_it, "argument", "it has what was handed over" if has_it else "it has something else")


def _prints_no_secret(log: str) -> Finding:
    """Find whether the log has no secret, which `Trial.lines` masks."""
    return ENV.equals("secrets", "there is one" if "(secret)" in log else "none")


@check("config.report")
def report(context: Context) -> Result:
    """Start it with some variables missing: one line should name them all, and nothing else."""
    without = (*MISSING, *(f"{name}_FILE" for name in MISSING))
    with (
        service_trial.build(context) as image,
        ThreadPoolExecutor(1) as pool,
        service_trial.run_with_stack(context, image, without=without) as trial,
    ):
        again = pool.submit(load, context, image, [({PASSWORD: HANDED_OVER, ALSO_REQUIRED: None}, {})])
        context.report_step(f"waiting for it to refuse without {len(MISSING)} of its variables")
        all_findings = report_findings(wait_refused(trial))
        is_complete = all(finding.passed for finding in all_findings)
        if is_complete:
            all_findings = (*all_findings, _reports_another(again.result()[0]))
        return conclude(REPORT.shown, all_findings, trial.lines(), lucky=is_complete)


def _reports_another(outcome: LoadResult) -> Finding:
    """Find whether load() names a variable that was not missing before, and no other."""
    return REPORT.equals("again", str(outcome), name=ALSO_REQUIRED)


def report_findings(refusal: Refusal) -> tuple[Finding, ...]:
    """Return the findings on the end, and if it refused: on the variables named, on others, and on the lines."""
    refuses = _refuses(refusal)
    if not refuses.passed:
        return (refuses,)
    named = [name for name in MISSING if name in refusal.named]
    others = REPORT.has_none("others", sorted(refusal.named.difference(MISSING)))
    if not named:
        return refuses, _names(named), others
    is_one_line = refusal.lines == refusal.json_lines == 1
    lines = REPORT.found(is_one_line, "lines", f"{refusal.lines} in all, {refusal.json_lines} of them JSON")
    return refuses, _names(named), others, lines


def _refuses(refusal: Refusal) -> Finding:
    way = "runs" if refusal.code is None else "ended"
    if refusal.raised:
        way = "raised"
    return REPORT.found(
        refusal.code == 1 and not refusal.raised,
        f"refuses.{way}",
        "it still runs" if refusal.code is None else f"exit code {refusal.code}",
        code=refusal.code,
        reason=refusal.raised,
    )


def _names(named: Sequence[str]) -> Finding:
    ways = {0: "none", 1: "one"}
    count = len(MISSING)
    return REPORT.found(
        len(named) == count,
        f"names.{ways.get(len(named), 'some')}",
        f"named: {', '.join(named) or 'none'}",
        names=", ".join(MISSING),
        count=count,
        named=len(named),
    )
