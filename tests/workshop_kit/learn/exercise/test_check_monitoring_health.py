"""The checks of lesson 04 on health.py: two-sided, and able to tell how an answer is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.judging import Judged
from workshop_kit.learn.exercise.result import Verdict

LESSON, FILE = "04_monitoring", "health.py"

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


def judge(stack: Stack, root: Path, identifier: str, body: str) -> Judged:
    """Check the solved file with a participant's lines in the region."""
    return trying.judge(stack, identifier, trying.with_region(root, FILE, identifier, body, LESSON))


@pytest.mark.parametrize("identifier", ["monitoring.deep", "monitoring.critical", "monitoring.drain"])
def test_the_solution_passes_and_leaves_nothing(participant: Stack, root: Path, identifier: str) -> None:
    """The doors go with the trial."""
    with trying.leaving_nothing(participant):
        judged = trying.judge(participant, identifier, regions.solved(trying.marked(root, FILE, LESSON)))
    assert judged.ruling is Verdict.PASSED, judged


@pytest.mark.parametrize(
    ("identifier", "symptom"),
    [
        ("monitoring.deep", "Who asks /health waits as long as the database does"),
        ("monitoring.critical", "redis is gone, which is critical, and /health says 200"),
        ("monitoring.drain", "says that it is ready"),
    ],
)
def test_the_starter_fails_with_its_symptom(participant: Stack, root: Path, identifier: str, symptom: str) -> None:
    """It runs, and it is wrong in the way people are wrong."""
    source = trying.marked(root, FILE, LESSON)
    judged = trying.judge(participant, identifier, regions.others_solved(regions.starter(source), source, identifier))
    assert judged.ruling is Verdict.WRONG, judged
    assert symptom in judged.summary


DEEP = """
async def live(request):
    LIVE
    return respond(200, {"status": "pass"})


async def answer_of(dependency):
    try:
        await asyncio.wait_for(dependency.ping(), LIMIT)
    except Exception as error:
        return error


def told(result):
    return TOLD
"""
GOOD = DEEP.replace("LIMIT", "0.7").replace("LIVE", "pass").replace("TOLD", "result.name")
PINGS = "await asyncio.gather(*map(answer_of, request.app.state.dependencies))"


@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param(GOOD, Verdict.PASSED, "Nobody restarts it", id="another way"),
        pytest.param(GOOD.replace("0.7", "1.8"), Verdict.WRONG, "Who asks /health waits", id="too long a limit"),
        pytest.param(GOOD.replace("    pass\n", f"    {PINGS}\n"), Verdict.WRONG, "restarted", id="pings, in time"),
        pytest.param(
            GOOD.replace("return result.name", "return repr(result.error)"), Verdict.WRONG, "strangers", id="leaks"
        ),
        pytest.param(
            GOOD.replace("return result.name", "return '?'"), Verdict.PASSED, "", id="the entries name them already"
        ),
        pytest.param("async def live(request):\n    return nothing\n", Verdict.WRONG, "fails", id="half a region"),
    ],
)
def test_nearly_alive(participant: Stack, root: Path, body: str, verdict: Verdict, says: str) -> None:
    """Any way to set a limit will do; what falls short is told by what it costs."""
    judged = judge(participant, root, "monitoring.deep", body)
    assert judged.ruling is verdict, judged
    assert says in judged.summary


CRITICAL = """
async def deep(request):
    report = await latest(request)
    if FAILS:
        return respond(503, body_of(report, "fail"))
    return respond(200, body_of(report, "WORD" if report.away else "pass"))
"""
BY_HEART = '{"master-db", "redis"} & {result.name for result in report.away}'


@pytest.mark.parametrize(
    ("fails", "word", "verdict", "says"),
    [
        pytest.param("[r for r in report.away if r.critical]", "warn", Verdict.PASSED, "a setting decides", id="good"),
        pytest.param(BY_HEART, "warn", Verdict.LUCKY, "by heart", id="by heart"),
        pytest.param("report.away", "warn", Verdict.WRONG, "could do without replica-db", id="everything is critical"),
        pytest.param("any(r.critical for r in report.away)", "pass", Verdict.WRONG, "nobody hears", id="no warning"),
    ],
)
def test_nearly_critical(participant: Stack, root: Path, fails: str, word: str, verdict: Verdict, says: str) -> None:
    """Right by the setting that there is, and by another."""
    judged = judge(participant, root, "monitoring.critical", CRITICAL.replace("FAILS", fails).replace("WORD", word))
    assert judged.ruling is verdict, judged
    assert says in judged.summary


DRAIN = """
async def ready(request):
    state = request.app.state
    BODY
    return respond(503 if state.draining or not state.started else 200, {"status": "told"})
"""


@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param("pass", Verdict.PASSED, "none of", id="good"),
        pytest.param("import os; state.draining and os._exit(0)", Verdict.WRONG, "shut", id="leaves at once"),
    ],
)
def test_nearly_gone(participant: Stack, root: Path, body: str, verdict: Verdict, says: str) -> None:
    """To say goodbye is all that it has to do."""
    judged = judge(participant, root, "monitoring.drain", DRAIN.replace("BODY", body))
    assert judged.ruling is verdict, judged
    assert says in judged.summary or any(says in finding.means for finding in judged.findings)
