"""The checks of lesson 04 on health.py: what they make of answers, and the likely mistakes on real containers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workshop_kit.exercises import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace import regions
from workshop_kit.exercises.raw_http import Answer, BROKE_OFF
from workshop_kit.exercises.checks import monitoring_critical, monitoring_deep, monitoring_drain
from workshop_kit.exercises.checks.monitoring_critical import Case
from workshop_kit.exercises.checks.monitoring_drain import Balancer
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.paths import CHECKOUT


@dataclass
class Recorded:
    """A trial whose answers were seen before: the path, and what came back each time."""

    answer: Answer
    left_seconds: float = 0.0
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, **_: Any) -> Answer:
        """The same as ever."""
        self.asked.append(path)
        return self.answer


def health(status: int, word: str, *gone: str, output: str = "") -> Answer:
    """An answer of /health that names these as not well."""
    checks = {f"{name}:ping": [{"status": "fail"}] for name in gone}
    return Answer(status, 0.01, json.dumps({"status": word, "checks": checks, "output": output}))


def tried(answer: Answer) -> Any:
    """A trial that answers so."""
    return Recorded(answer)


def deep_findings(answer: Answer) -> list[Finding]:
    """What the check on both questions finds in an answer, while two dependencies are away."""
    between: Any = SimpleNamespace(environment={"MASTER_DB_HOST": "door-7f"})
    return [monitoring_deep._in_time(tried(answer), "/health"), monitoring_deep._tells(tried(answer), between)]


BOTH = ("master-db", "redis")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(health(503, "fail", *BOTH), "", id="right"),
        pytest.param(Answer(None, 2.5, failure="no answer"), "waits as long as the database does", id="hangs"),
        pytest.param(Answer(500, 0.1), "its own code fails", id="fails"),
        pytest.param(health(503, "fail", "redis"), "does not learn which dependency", id="names one"),
        pytest.param(health(503, "fail", *BOTH, output="at door-7f"), "tells strangers", id="says where"),
        pytest.param(health(503, "fail", *BOTH, output="[Errno 111]"), "tells strangers", id="what the driver said"),
    ],
)
def test_nearly_alive(monkeypatch: pytest.MonkeyPatch, answer: Answer, says: str) -> None:
    """What falls short is told by what it costs."""
    monkeypatch.setattr(monitoring_deep, "FAILURE_KEPT_SECONDS", 0)
    failed = [finding.means for finding in deep_findings(answer) if not finding.passed]
    assert says in failed[0] if says else failed == []


CASES = [case for case, _ in monitoring_critical.CASES]
OTHERWISE = [case for _, case in monitoring_critical.CASES]
Says = Callable[[Case], tuple[int, str]]


@pytest.mark.parametrize(
    ("answers", "verdict", "says"),
    [
        pytest.param(lambda case: (case.status, case.word), Verdict.PASSED, "a setting decides", id="right"),
        pytest.param(
            lambda case: next((one.status, one.word) for one in CASES if one.gone == case.gone),
            Verdict.LUCKY,
            "by heart",
            id="by heart",
        ),
        pytest.param(
            lambda case: (503, "fail") if case.gone else (200, "pass"), Verdict.WRONG, "could do without", id="all"
        ),
        pytest.param(
            lambda case: (case.status, case.word if case.status == 503 else "pass"),
            Verdict.WRONG,
            "nobody hears of it",
            id="no warning",
        ),
    ],
)
def test_nearly_critical(answers: Says, verdict: Verdict, says: str) -> None:
    """Right by the setting that there is, and by another."""

    def found(case: Case) -> Finding:
        status, word = answers(case)
        return monitoring_critical._answered(tried(health(status, word, *filter(None, [case.gone]))), case)

    judged = monitoring_critical._judged(tuple(map(found, CASES)), tuple(map(found, OTHERWISE)), "")
    assert judged.verdict is verdict, judged
    assert says in judged.summary


@pytest.mark.parametrize(
    ("finding", "says"),
    [
        (monitoring_drain._said(Answer(200, 0.0)), "says that it is ready"),
        (monitoring_drain._lost(Balancer((1, 2), asked={1: 9}, failed=["no answer"]), 1), "1 customers were sent"),
        (monitoring_drain._lost(Balancer((1, 2), asked={2: 9}), 1), "No customer came to it"),
        (monitoring_drain._kept(Answer(None, 0.0, failure=BROKE_OFF)), "under way was cut off"),
        (monitoring_drain._alive(Answer(503, 0.0)), "restarted, or killed"),
        (monitoring_drain._ended(None), "had to be killed"),
    ],
)
def test_nearly_gone(finding: Finding, says: str) -> None:
    """To say goodbye is all that it has to do."""
    assert not finding.passed
    assert says in finding.means


def solved(identifier: str, file: str) -> str:
    """The solution's region."""
    source = trying.marked(CHECKOUT, file, "04_monitoring")
    return regions.region_of(regions.solved(source), identifier)


DEEP, CRITICAL = solved("monitoring.deep", "health.py"), solved("monitoring.critical", "health.py")
DRAIN, PROBE = solved("monitoring.drain", "health.py"), solved("monitoring.healthcheck", "Dockerfile")
ASKS_HEALTH = """["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=1)"]"""


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("identifier", "region", "says"),
    [
        pytest.param(
            "monitoring.deep",
            DEEP.replace('f"no answer from {result.name}"', 'f"{result.name}: {result.error}"'),
            "tells strangers",
            id="deep, the driver's words",
        ),
        pytest.param(
            "monitoring.deep",
            DEEP.replace("(_: Request)", "(request: Request)").replace(
                '    return respond(200, {"status": "pass"})',
                "    state = request.app.state\n    error = await answer_of(state.dependencies.redis)\n"
                '    return respond(503 if error else 200, {"status": "pass"})',
            ),
            "no restart mends a database",
            id="deep, a ping with a limit",
        ),
        pytest.param(
            "monitoring.critical",
            CRITICAL.replace("result.critical for", 'result.name in ("master-db", "redis") for'),
            "by heart",
            id="critical, by heart",
        ),
        pytest.param(
            "monitoring.drain",
            DRAIN.replace("state.draining", "state.draining and False"),
            "says that it is ready",
            id="drain, never",
        ),
        pytest.param(
            "monitoring.healthcheck",
            PROBE.replace('["python", "-I", "-S", "/app/my_service/probe.py"]', ASKS_HEALTH),
            "takes a service for dead that answers",
            id="probe, of the database",
        ),
        pytest.param(
            "monitoring.healthcheck",
            PROBE.replace("--retries=2", "--retries=1"),
            "One answer that came late",
            id="probe, one try",
        ),
        pytest.param(
            "monitoring.healthcheck",
            PROBE.replace("--retries=2 --start-period=10s", "--retries=1"),
            "restarted while it was starting",
            id="probe, no time to start",
        ),
        pytest.param("monitoring.healthcheck", "# none\n", "has no HEALTHCHECK", id="probe, none"),
    ],
)
def test_mistakes_in_a_built_service(participant: Stack, identifier: str, region: str, says: str) -> None:
    """The whole way: the folder is built and run, and the finding names the mistake."""
    judged = trying.judge_region(participant, identifier, region)
    assert judged.verdict is not Verdict.PASSED
    assert says in trying.words(judged), judged
