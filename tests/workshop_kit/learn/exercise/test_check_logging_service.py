"""The checks of lesson 03 on logs.py: two-sided, and able to tell how an answer is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.checks import logging_context, logging_inside, logging_look, logging_stdout
from workshop_kit.learn.exercise.judging import Judged
from workshop_kit.learn.exercise.result import Verdict

LESSON, FILE = "03_logging", "logs.py"
IDS = ("logging.stdout", "logging.context", "logging.level")

pytestmark = pytest.mark.engine


def judge(stack: Stack, root: Path, identifier: str, body: str) -> Judged:
    """Check the solved file with a participant's lines in the region."""
    return trying.judge(stack, identifier, trying.with_region(root, FILE, identifier, body, LESSON))


def test_both_sides_mean_the_same_canary() -> None:
    """What the trial loses in a traceback is what the check looks for."""
    assert logging_inside.CANARY == logging_look.CANARY


@pytest.mark.parametrize("identifier", IDS)
def test_the_solution_passes_and_leaves_nothing(participant: Stack, root: Path, identifier: str) -> None:
    """What it makes on the way is gone. (tests/lessons/test_two_sides.py has each of them pass twice in a row.)"""
    text = regions.solved(trying.marked(root, FILE, LESSON))
    with trying.leaving_nothing(participant):
        judged = trying.judge(participant, identifier, text)
    assert judged.ruling is Verdict.PASSED, judged


@pytest.mark.parametrize(
    ("identifier", "symptom"),
    [
        ("logging.stdout", "docker logs is empty"),
        ("logging.context", "reads another's"),
        ("logging.level", "logs as if nobody had asked"),
    ],
)
def test_the_starter_fails_with_its_symptom(participant: Stack, root: Path, identifier: str, symptom: str) -> None:
    """It runs, and it is wrong in the way people are wrong."""
    source = trying.marked(root, FILE, LESSON)
    judged = trying.judge(participant, identifier, regions.others_solved(regions.starter(source), source, identifier))
    assert judged.ruling is Verdict.WRONG, judged
    assert symptom in judged.summary


@pytest.mark.parametrize("identifier", IDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_services_own_module_passes_whoever_asks(
    participant: Stack, root: Path, identifier: str, seed: int
) -> None:
    """What we ask of a participant, the service does itself, with anybody's ids."""
    own = (root / "workshop_app" / FILE).read_text()
    judged = trying.judge(participant, identifier, own, seed)
    assert judged.ruling is Verdict.PASSED, judged


LINES = """
def to_line(fields):
    return MADE


def output():
    return sys.stdout.buffer
"""
SPACES = 'str(fields).replace("\\\\n", " ").encode(errors="replace")'


@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param(
            LINES.replace("MADE", "__import__('orjson').dumps(fields, default=repr)"),
            Verdict.PASSED,
            "one JSON object on one line",
            id="orjson",
        ),
        pytest.param(
            LINES.replace("MADE", "json.dumps(fields, default=repr).encode()").replace("stdout", "stderr"),
            Verdict.PASSED,
            "one JSON object",
            id="stderr is collected, too",
        ),
        pytest.param(
            LINES.replace("MADE", "json.dumps(fields, default=repr, indent=1).encode()"),
            Verdict.WRONG,
            "no JSON object",
            id="pretty, on many lines",
        ),
        pytest.param(
            LINES.replace("MADE", "' '.join(f'{k}={v}' for k, v in fields.items()).encode(errors='replace')"),
            Verdict.WRONG,
            "A customer wrote a line of your log",
            id="text on stdout",
        ),
        pytest.param(LINES.replace("MADE", SPACES), Verdict.WRONG, "no JSON object", id="one line, of text"),
        pytest.param(
            LINES.replace("MADE", "json.dumps({**fields, 'ts': fields['ts'][:19]}, default=repr).encode()"),
            Verdict.WRONG,
            "no time with its zone",
            id="a time without a zone",
        ),
        pytest.param(
            LINES.replace("MADE", "json.dumps({k: fields[k] for k in ('ts', 'level', 'msg')}).encode()"),
            Verdict.WRONG,
            "Nobody can search for logger",
            id="half of the fields",
        ),
        pytest.param(
            LINES.replace("MADE", "json.dumps(fields).encode()").replace("sys.stdout.buffer", "open('/tmp/log', 'ab')"),
            Verdict.WRONG,
            "docker logs is empty",
            id="JSON in a file",
        ),
        pytest.param("def to_line(fields):\n    return nothing\n", Verdict.DID_NOT_START, "output", id="half a region"),
    ],
)
def test_lines_that_are_nearly_right(participant: Stack, root: Path, body: str, verdict: Verdict, says: str) -> None:
    """Any way to write one object a line will do; what falls short is told by what it costs."""
    judged = judge(participant, root, "logging.stdout", body)
    assert judged.ruling is verdict, judged
    told = (judged.summary, judged.output, *(finding.means for finding in judged.findings))
    assert any(says in words for words in told), judged


LOCAL = """
import threading
here = threading.local()

@contextlib.contextmanager
def request_context(**fields):
    here.fields = fields
    try:
        yield
    finally:
        here.fields = {}

def context_fields():
    return getattr(here, "fields", {})
"""
VARIABLE = """
from contextvars import ContextVar
now = ContextVar("now")

@contextlib.contextmanager
def request_context(**fields):
    token = now.set({**now.get({}), **fields})
    try:
        yield
    finally:
        now.reset(token)

def context_fields():
    return now.get({})
"""
NEVER_RESET = VARIABLE.replace("now.reset(token)", "pass")
NOTHING = VARIABLE.replace("return now.get({})", "return {}")


@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param(VARIABLE, Verdict.PASSED, "to no line of another", id="by hand"),
        pytest.param(NEVER_RESET, Verdict.PASSED, "to no line of another", id="never reset: each task has its own"),
        pytest.param(LOCAL, Verdict.WRONG, "reads another's", id="threading.local"),
        pytest.param(NOTHING, Verdict.WRONG, "does not find what", id="no id at all"),
    ],
)
def test_contexts_that_are_nearly_right(participant: Stack, root: Path, body: str, verdict: Verdict, says: str) -> None:
    """What keeps requests apart passes, however it is written."""
    judged = judge(participant, root, "logging.context", body)
    assert judged.ruling is verdict, judged
    assert says in judged.summary


LEVEL = """
known = {}

def set_level(level):
    ROOT.setLevel(level.upper())
    SET

def is_worth_a_line(level):
    return WORTH
"""
CACHED = LEVEL.replace("WORTH", "known.setdefault(level, NUMBERS[level] >= ROOT.level)")


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        pytest.param(CACHED.replace("SET", "known.clear()"), Verdict.PASSED, id="forgotten with each change"),
        pytest.param(CACHED.replace("SET", ""), Verdict.WRONG, id="never forgotten"),
        pytest.param(LEVEL.replace("SET", "").replace("WORTH", "True"), Verdict.WRONG, id="everything, always"),
        pytest.param(LEVEL.replace("SET", "").replace("WORTH", "level != 'debug'"), Verdict.WRONG, id="never debug"),
    ],
)
def test_levels_that_are_nearly_right(participant: Stack, root: Path, body: str, verdict: Verdict) -> None:
    """Up and down, for every level: what is half is told apart."""
    assert judge(participant, root, "logging.level", body).ruling is verdict


def test_everybody_has_ids_of_their_own() -> None:
    """They come from the seed, so that nothing can be hard-coded."""
    assert logging_stdout.Customers.of(1) == logging_stdout.Customers.of(1)
    assert logging_stdout.Customers.of(1) != logging_stdout.Customers.of(2)
    assert not set(logging_context.ids_of(1).values()) & set(logging_context.ids_of(2).values())
