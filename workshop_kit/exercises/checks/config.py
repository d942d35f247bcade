"""The checks of lesson 02 on config.py, from outside: it does as it is told, and ends if told too little."""

from __future__ import annotations

import random
from dataclasses import dataclass

from workshop_kit.exercises import service_trial, trial, trial_settings
from workshop_kit.exercises.raw_http import Answer
from workshop_kit.exercises.checks import config_look, config_order, config_refusal
from workshop_kit.exercises.checks.config_look import Case
from workshop_kit.exercises.checks.config_refusal import REQUIRED, Refusal
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.trial_settings import PORT
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.start_failure import did_not_start
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

NO_PORT = "abc"
PASSWORD = "MASTER_DB_PASSWORD"  # noqa: S105  # a variable's name
MASKED = "(secret)"
"""What `Trial.lines` shows in place of a secret."""
DEADLINE_SECONDS = 20.0  # of a trial that may have needed the time to start twice


@dataclass(frozen=True)
class Other:
    """Settings that the stack does not have. The database is not there: what the service says of that has its name."""

    port: int
    database: str

    @classmethod
    def of(cls, seed: int) -> Other:
        """Return those of a participant."""
        chance = random.Random(f"config.env {seed}")  # noqa: S311  # no secret
        return cls(chance.randrange(8100, 9000), f"shop_{chance.randrange(1000, 10000)}")


@check("config.env")
def env(context: Context) -> CheckResult:
    """Start it with another port and another database, once with a port that is none; then ask load() itself."""
    other = Other.of(context.seed)
    passwords = _passwords(context)
    told = {**passwords, "HTTP_PORT": str(other.port), "MASTER_DB_NAME": other.database}
    without = [f"{name}_FILE" for name in passwords]  # a file would win over what stands in the code
    with (
        service_trial.built(context) as image,
        service_trial.beside_stack(
            context,
            image,
            environment=told,
            without=without,
            ports=(PORT, other.port),
            deadline_seconds=DEADLINE_SECONDS,
        ) as tried,
        service_trial.beside_stack(context, image, environment={"HTTP_PORT": NO_PORT}) as broken,
    ):
        there = tried.at(other.port)
        listens = _where(tried, there)
        if listens is None:
            return did_not_start(tried)
        context.report(Step("Check", None, "placing an order in another database"))
        order = config_order.place(listens, "config.env", lambda: other.database in _log(tried))
        handed = "handed-over-by-the-check"
        asked = config_look.look(context, image, [Case({PASSWORD: handed}, without=(f"{PASSWORD}_FILE",))])
        findings = (
            _database(order, other, other.database in _log(tried)),
            _port(listens is there, other),
            _typed(config_refusal.wait_refused(broken)),
            *([] if isinstance(asked, CheckResult) else [_handed(asked[0].password == handed)]),
            _quiet(MASKED in _log(tried)),
        )
        return _env_judged(findings, order, tried.lines())


def _passwords(context: Context) -> dict[str, str]:
    """The passwords of the stack's service, each as the variable that its file stands for."""
    trial_settings.ensure_up(context.stack, context.report)
    service = context.stack.container("service")
    texts = trial_settings.secrets_of(service)
    named = dict(pair.split("=", 1) for pair in service.attrs["Config"]["Env"])
    return {
        name.removesuffix("_FILE"): texts[path].removesuffix("\n")
        for name, path in named.items()
        if name.endswith("_PASSWORD_FILE")
    }


def _log(tried: Trial) -> str:
    return tried.lines(config_refusal.LOG_LIMIT_BYTES)


def _where(tried: Trial, there: Trial) -> Trial | None:
    """The one of its ports that it answers at, or None."""
    started, seconds = there.left_seconds, trial.start_seconds()
    while started - there.left_seconds < seconds and tried.ended is None:
        for one in (there, tried):
            if one.wait_answer("/livez", within_seconds=0.05):
                return one
    return None


def _database(order: Answer, other: Other, asked_for_it: bool) -> Finding:
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


def _port(there: bool, other: Other) -> Finding:
    return found(
        there,
        f"GET /livez, with HTTP_PORT={other.port}",
        f"it listens on {other.port if there else PORT}",
        f"it listens on {other.port}",
        f"It was told to listen on {other.port}, and nobody finds it there.",
        "Where does the port come from?",
    )


def _typed(refusal: Refusal) -> Finding:
    refused = refusal.code not in (None, 0) and "HTTP_PORT" in refusal.named
    means = "It started with a port that is none: what it was told does not reach it, or nobody looks at it."
    if refusal.code is not None:
        means = "It ended without saying that HTTP_PORT is wrong."
    return found(
        refused,
        f"Start it with HTTP_PORT={NO_PORT}",
        refusal.shown,
        "exit code 1, and HTTP_PORT named in its log",
        means,
        "Does the text of the variable reach the model that knows the types?",
    )


def _handed(passed: bool) -> Finding:
    return found(
        passed,
        "Hand load() an environment that the process does not have",
        "it has what was handed over" if passed else "it has something else",
        "it has what was handed over",
        "It reads os.environ, or read it when the module was imported: load() gets an environment and does not use it.",
        "The environment is the argument of read(): a test hands over another one.",
    )


def _quiet(shown: bool) -> Finding:
    return found(
        not shown,
        "Look for a password in its log",
        "there is one" if shown else "none",
        "none",
        "It prints what it reads, and a password is part of it: everyone who may read the log knows it now.",
        "What writes a line while it reads?",
    )


def _env_judged(findings: tuple[Finding, ...], order: Answer, lines: str) -> CheckResult:
    if all(finding.passed for finding in findings):
        return CheckResult("Told other settings, it did other things: the same code, another environment.", findings)
    database, port, *_ = findings
    if order.status == 201 and not (database.passed or port.passed):
        summary = "It works where its own settings happen to be right. " + database.means
        return CheckResult(summary, findings, Verdict.LUCKY, lines)
    return CheckResult(next(one.means for one in findings if not one.passed), findings, Verdict.WRONG, lines)


@check("config.report")
def report(context: Context) -> CheckResult:
    """Start it with some variables missing: one line should name them all, and nothing else."""
    missing = missing_of(context.seed)
    without = {name for one in missing for name in (one, f"{one}_FILE")}
    with (
        service_trial.built(context) as image,
        service_trial.beside_stack(context, image, without=without) as tried,
    ):
        context.report(Step("Check", None, f"waiting for it to refuse without {len(missing)} of its variables"))
        refusal = config_refusal.wait_refused(tried)
        findings = (_ended(refusal), _all_named(refusal, missing), _none_invented(refusal, missing), _one_line(refusal))
        if all(finding.passed for finding in findings):
            return CheckResult("One start told all that is missing, in one line, by name.", findings)
        summary = next(finding.means for finding in findings if not finding.passed)
        return CheckResult(summary, findings, Verdict.WRONG, tried.lines())


def missing_of(seed: int) -> list[str]:
    """Return three or four required variables, at least one of them a secret's, sorted."""
    chance = random.Random(f"config.report {seed}")  # noqa: S311  # no secret
    secret = chance.choice([name for name in REQUIRED if name.endswith("PASSWORD")])
    others = chance.sample([name for name in REQUIRED if not name.endswith("PASSWORD")], chance.choice((2, 3)))
    return sorted([secret, *others])


def _ended(refusal: Refusal) -> Finding:
    means = "It runs although it was not told where its database is: the first customer finds out."
    if refusal.code is not None:
        means = f"It ended with exit code {refusal.code}: to whoever starts it, that is not a refusal."
    return found(
        refusal.code == 1,
        "Start it without them",
        f"exit code {refusal.code}" if refusal.code is not None else "it still runs",
        f"exit code 1 within {config_refusal.REFUSE_SECONDS:g} s",
        means,
        "What does load() do with the problems that this function returns?",
    )


def _all_named(refusal: Refusal, missing: list[str]) -> Finding:
    named = [name for name in missing if name in refusal.named]
    count = len(missing)
    means = f"{count} variables are missing, and it names {len(named) or 'none'} of them"
    means += f": whoever deploys this needs {count} deploys to learn all {count}." if len(named) == 1 else "."
    return found(
        len(named) == count,
        f"Look for {', '.join(missing)} in its log",
        f"named: {', '.join(named) or 'none'}",
        f"all {count} named",
        means,
        "What happens after the first one is found?",
    )


def _none_invented(refusal: Refusal, missing: list[str]) -> Finding:
    invented = sorted(refusal.named - set(missing))
    names = ", ".join(invented[:3])
    return found(
        not invented,
        "Look for other variables in its log",
        f"named, too: {names}" if invented else "none",
        "none that is set, or has a default",
        f"It complains about {names}, and nothing is wrong with that: somebody will look for a mistake in vain.",
        "Which variables are required, and which of those are set? A secret may also be set as …_FILE.",
    )


def _one_line(refusal: Refusal) -> Finding:
    return found(
        refusal.lines == 1 and refusal.json_lines == 1,
        "Count the lines of its log",
        f"{refusal.lines} line{'s' if refusal.lines != 1 else ''}, {refusal.json_lines} of them JSON",
        "one line, of JSON",
        "What it says is spread over several lines, or is no JSON: no search finds it as one event.",
        "Return the problems; load() and the service's main() make one line of them.",
    )
