"""The checks of config.env, config.report and config.restore: settings are followed, required and restored."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks import config_trial
from workshop_kit.exercises.checks.config_trial import (
    LOG_LIMIT_BYTES,
    REFUSE_SECONDS,
    REQUIRED,
    ConfigCase,
    Outcome,
    Refusal,
)
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.start_failure import did_not_start
from workshop_kit.exercises.trial import PORT, Trial, start_seconds
from workshop_kit.observe.http import Answer
from workshop_kit.progress import Step

NO_PORT = "abc"
PASSWORD = "MASTER_DB_PASSWORD"  # noqa: S105  # a variable's name
MASKED = "(secret)"
HANDED_OVER = "handed-over-by-the-check"
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class OtherSettings:
    """Settings that the stack does not have: a port, and the name of a database that does not exist."""

    port: int
    database: str

    @classmethod
    def of(cls, seed: int) -> OtherSettings:
        """Return those of a participant."""
        chance = random.Random(f"config.env {seed}")  # noqa: S311  # no secret
        return cls(chance.randrange(8100, 9000), f"shop_{chance.randrange(1000, 10000)}")


@check("config.env")
def env(context: Context) -> CheckResult:
    """Start it with another port and another database, once with a wrong port; then call load() itself."""
    other = OtherSettings.of(context.seed)
    passwords = _passwords(context)
    settings = {**passwords, "HTTP_PORT": str(other.port), "MASTER_DB_NAME": other.database}
    without = [f"{name}_FILE" for name in passwords]  # a file would win over a constant in the code
    with (
        service_trial.build(context) as image,
        service_trial.run_with_stack(
            context,
            image,
            environment=settings,
            without=without,
            ports=(PORT, other.port),
            deadline_seconds=DEADLINE_SECONDS,
        ) as trial,
        service_trial.run_with_stack(context, image, environment={"HTTP_PORT": NO_PORT}) as broken,
    ):
        at_other_port = trial.at(other.port)
        listens = _first_to_answer(at_other_port, trial)
        if listens is None:
            raise CheckEnded(did_not_start(trial))
        context.report(Step("Check", None, "placing an order in another database"))
        order = config_trial.place_order(listens, "config.env", lambda: other.database in trial.lines(LOG_LIMIT_BYTES))
        log = trial.lines(LOG_LIMIT_BYTES)
        findings = [
            uses_database(order, other, other.database in log),
            listens_on_port(listens is at_other_port, other),
            refuses_wrong_port(config_trial.wait_refused(broken)),
        ]
        with contextlib.suppress(CheckEnded):  # the service runs, so the other findings count
            case = ConfigCase({PASSWORD: HANDED_OVER}, without=(f"{PASSWORD}_FILE",))
            findings += map(uses_argument, config_trial.load(context, image, [case]))
        return judge_env((*findings, prints_no_secret(log)), order, trial.lines())


def _passwords(context: Context) -> dict[str, str]:
    """Return the passwords of the stack's service, by the variable that each file stands for."""
    service_trial.ensure_up(context.stack, context.report)
    service = context.stack.container("service")
    texts = service_trial.secrets_of(service)
    variables = dict(pair.split("=", 1) for pair in service.attrs["Config"]["Env"])
    return {
        name.removesuffix("_FILE"): texts[path].removesuffix("\n")
        for name, path in variables.items()
        if name.endswith("_PASSWORD_FILE")
    }


def _first_to_answer(*trials: Trial) -> Trial | None:
    """Return the first of several ports of one container that answers, or None."""
    trial = trials[0]
    started, seconds = trial.left_seconds, start_seconds()
    while started - trial.left_seconds < seconds and trial.exit_code() is None:
        for one in trials:
            if one.wait_answer("/livez", within_seconds=0.05):
                return one
    return None


def uses_database(order: Answer, other: OtherSettings, asked_for_it: bool) -> Finding:
    """Find whether an order went to the database of the settings."""
    means = "An order went to a database that it was not told to use: a test in staging, and production has the order."
    if order.status != 201:
        means = f"Orders failed, and not because it asked for {other.database}."
    return found(
        asked_for_it,
        f"POST /orders, with MASTER_DB_NAME={other.database}, which does not exist",
        f"{order}; {other.database} is {'' if asked_for_it else 'not '}what it asked the database for",
        f"503, since it asked for {other.database}",
        means,
        "Where does the name of the database come from?",
    )


def listens_on_port(passed: bool, other: OtherSettings) -> Finding:
    """Find whether it listens on the port of the settings."""
    return found(
        passed,
        f"GET /livez, with HTTP_PORT={other.port}",
        f"it listens on {other.port if passed else PORT}",
        f"it listens on {other.port}",
        f"It was told to listen on {other.port}, and does not answer there.",
        "Where does the port come from?",
    )


def refuses_wrong_port(refusal: Refusal) -> Finding:
    """Find whether it refuses to start with a port that is no number."""
    means = "It started with a port that is no number: the setting does not reach it, or is not validated."
    if refusal.code is not None:
        means = "It ended without saying that HTTP_PORT is wrong."
    return found(
        refusal.code not in (None, 0) and "HTTP_PORT" in refusal.named,
        f"Start it with HTTP_PORT={NO_PORT}",
        str(refusal),
        "exit code 1, and HTTP_PORT named in its log",
        means,
        "Does the text of the variable reach the model that knows the types?",
    )


def uses_argument(outcome: Outcome) -> Finding:
    """Find whether load() reads the environment that it is given."""
    passed = outcome.password == HANDED_OVER
    return found(
        passed,
        "Hand load() an environment that the process does not have",
        "it has what was handed over" if passed else "it has something else",
        "it has what was handed over",
        "It reads os.environ, or read it when the module was imported: load() gets an environment and does not use it.",
        "The environment is the argument of read(): a test hands over another one.",
    )


def prints_no_secret(log: str) -> Finding:
    """Find whether the log has no secret, which `Trial.lines` masks."""
    return found(
        MASKED not in log,
        "Look for a password in its log",
        "none" if MASKED not in log else "there is one",
        "none",
        "It prints what it reads, and a password is part of it: everyone who may read the log knows it now.",
        "What writes a line while it reads?",
    )


def judge_env(findings: tuple[Finding, ...], order: Answer, lines: str) -> CheckResult:
    """Judge the findings, of which the first two are on database and port: constants that happen to fit are luck."""
    database, port, *_ = findings
    if order.status == 201 and not (database.passed or port.passed):
        summary = f"It works where its own settings happen to be right. {database.means}"
        return CheckResult(summary, findings, Verdict.LUCKY, lines)
    return conclude("It follows its settings: the same code did other things in another environment.", findings, lines)


@check("config.report")
def report(context: Context) -> CheckResult:
    """Start it with some variables missing: one line should name them all, and nothing else."""
    missing = missing_of(context.seed)
    without = {name for one in missing for name in (one, f"{one}_FILE")}
    with (
        service_trial.build(context) as image,
        service_trial.run_with_stack(context, image, without=without) as trial,
    ):
        context.report(Step("Check", None, f"waiting for it to refuse without {len(missing)} of its variables"))
        findings = report_findings(config_trial.wait_refused(trial), missing)
        return conclude("One start named all missing variables, in one line.", findings, trial.lines())


def missing_of(seed: int) -> list[str]:
    """Return three or four required variables, at least one of them a secret's, sorted."""
    chance = random.Random(f"config.report {seed}")  # noqa: S311  # no secret
    secret = chance.choice([name for name in REQUIRED if name.endswith("PASSWORD")])
    others = chance.sample([name for name in REQUIRED if not name.endswith("PASSWORD")], chance.choice((2, 3)))
    return sorted([secret, *others])


def report_findings(refusal: Refusal, missing: list[str]) -> tuple[Finding, ...]:
    """Return the findings on the exit code, the variables named, those named without a reason, and the lines."""
    ended = "It runs although it was not told where its database is: the first customer finds out."
    if refusal.code is not None:
        ended = f"It ended with exit code {refusal.code}: to the person who starts it, that is not a refusal."
    count, named = len(missing), [name for name in missing if name in refusal.named]
    lacks = f"{count} variables are missing, and it names {len(named) or 'none'} of them"
    lacks += f": you need {count} deploys to learn all {count}." if len(named) == 1 else "."
    invented = ", ".join(sorted(refusal.named - set(missing))[:3])
    return (
        found(
            refusal.code == 1,
            "Start it without them",
            f"exit code {refusal.code}" if refusal.code is not None else "it still runs",
            f"exit code 1 within {REFUSE_SECONDS:g} s",
            ended,
            "What does load() do with the problems that this function returns?",
        ),
        found(
            len(named) == count,
            f"Look for {', '.join(missing)} in its log",
            f"named: {', '.join(named) or 'none'}",
            f"all {count} named",
            lacks,
            "What happens after the first one is found?",
        ),
        found(
            not invented,
            "Look for other variables in its log",
            f"named, too: {invented}" if invented else "none",
            "none that is set, or has a default",
            f"It complains about {invented}, and nothing is wrong with that: a search for the mistake is in vain.",
            "Which variables are required, and which of those are set? A secret may also be set as …_FILE.",
        ),
        found(
            refusal.lines == 1 and refusal.json_lines == 1,
            "Count the lines of its log",
            f"{refusal.lines} line{'s' if refusal.lines != 1 else ''}, {refusal.json_lines} of them JSON",
            "one line, of JSON",
            "What it says is spread over several lines, or is no JSON: no search finds it as one event.",
            "Return the problems; load() and the service's main() make one line of them.",
        ),
    )


INSIDE = Path(__file__).with_name("restoring_inside.py")
RESTORED = {"absent": None, "present": "before"}
LOOK_BACK = "What was there before, for each of the variables? A variable that was not there has no value, not even ''."
SITUATIONS = (
    # name, what was done, what is seen within the block, where to look
    ("plain", "A test that sets a variable which was not there, and one that was", ["within", "within"], LOOK_BACK),
    ("raising", "A test that fails within the block", "came through", "What runs even if a test fails?"),
    ("nested", "A block within a block", ["outer", "outer"], "The inner block restores what it found."),
    ("deleted", "A test that deletes the variables itself", "went on", "What if there is none to remove?"),
)
"""The functions of restoring_inside.py."""


@check("config.restore")
def restore(context: Context) -> CheckResult:
    """Use the participant's context manager in four situations, and let the service read what is left."""
    context.report(Step("Check", None, "running tests that set variables"))
    with service_trial.build(context) as image:
        seen = config_trial.run_inside(context, image, INSIDE, TypeAdapter(dict[str, Any]))
    shown = "After each test, the next one finds the environment as it was."
    return conclude(
        shown, (_starts_afterwards(str(seen.get("settings"))), *(_restored(seen, *one) for one in SITUATIONS))
    )


def _starts_afterwards(said: str) -> Finding:
    return found(
        not said,
        "A test sets HTTP_DRAIN_SECONDS, which is optional; then the service reads its settings",
        said[:200] or "it starts",
        "it starts",
        "After one test, all that follow fail: the variable that was not there is left behind, empty.",
        LOOK_BACK,
    )


def _restored(seen: dict[str, Any], name: str, called: str, within: object, look: str) -> Finding:
    row = seen.get(name)
    left = row if isinstance(row, dict) else {}
    after = {key: left.get(key) for key in RESTORED}
    got = f"afterwards {_words(after)}"
    means = "The next test runs in another environment, and you search the wrong test for the mistake."
    if left.get("within") != within:
        got = f"within the block: {left.get('within')}; {got}"
        means = "Within the block things are not as the test asked for, or its failure does not come through."
    passed = after == RESTORED and left.get("within") == within
    return found(passed, called, got[:300], f"afterwards {_words(RESTORED)}", means, look)


def _words(after: dict[str, Any]) -> str:
    absent, present = (after.get(key) for key in RESTORED)
    first = "still not there" if absent is None else f"there, and {absent!r}" if absent else "there, and empty"
    second = "as before" if present == RESTORED["present"] else "gone" if present is None else f"{present!r}"
    return f"the first is {first}, the second {second}"
