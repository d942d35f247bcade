"""The checks of lesson 02 on config.py and restoring.py: two-sided, and able to tell how an answer is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.learn.exercise import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise import regions
from workshop_kit.learn.exercise.checks import config
from workshop_kit.learn.exercise.checks.config_refusal import OURS, REQUIRED
from workshop_kit.learn.exercise.judging import Judged
from workshop_kit.learn.exercise.result import Verdict

LESSON = "02_configuration"
FILES = {
    "config.env": "config.py",
    "config.report": "config.py",
    "config.redact": "config.py",
    "config.file": "config.py",
    "config.restore": "restoring.py",
}


def judge(stack: Stack, root: Path, identifier: str, body: str) -> Judged:
    """Check the solved file with a participant's lines in the region."""
    text = trying.with_region(root, FILES[identifier], identifier, body, LESSON)
    return trying.judge(stack, identifier, text)


def words(judged: Judged) -> str:
    """Everything that a person is told."""
    shown = (word for finding in judged.findings for word in (finding.got, finding.means, finding.look))
    return "\n".join((judged.summary, *shown, judged.output))


@pytest.mark.engine
@pytest.mark.parametrize("identifier", FILES)
def test_the_solution_passes_and_leaves_nothing(participant: Stack, root: Path, identifier: str) -> None:
    """What it makes on the way is gone. (tests/lessons/test_two_sides.py has each of them pass twice in a row.)"""
    text = regions.solved(trying.marked(root, FILES[identifier], LESSON))
    with trying.leaving_nothing(participant):
        judged = trying.judge(participant, identifier, text)
    assert judged.ruling is Verdict.PASSED, judged


@pytest.mark.engine
@pytest.mark.parametrize(
    ("identifier", "symptom"),
    [
        ("config.env", "a test in staging, and production has the order"),
        ("config.report", "deploys to learn all"),
        ("config.redact", "stands in the log now"),
        ("config.file", "every order fails: access denied"),
        ("config.restore", "left behind, empty"),
    ],
)
def test_the_starter_fails_with_its_symptom(participant: Stack, root: Path, identifier: str, symptom: str) -> None:
    """It runs, and it is wrong in the way people are wrong."""
    source = trying.marked(root, FILES[identifier], LESSON)
    text = regions.others_solved(regions.starter(source), source, identifier)
    judged = trying.judge(participant, identifier, text)
    assert judged.ruling in {Verdict.WRONG, Verdict.LUCKY}, judged
    assert symptom in judged.summary


@pytest.mark.engine
@pytest.mark.parametrize("identifier", ["config.env", "config.report", "config.redact", "config.file"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_services_own_module_passes_whoever_asks(
    participant: Stack, root: Path, identifier: str, seed: int
) -> None:
    """What we ask of a participant, the service does itself, with anybody's numbers."""
    own = (root / "workshop_app" / "config.py").read_text()
    judged = trying.judge(participant, identifier, own, seed)
    assert judged.ruling is Verdict.PASSED, judged


HARD_CODED = """
def read(environ):
    database = dict(port="3306", name="workshop", user="orders", password="x", sql_mode="STRICT_ALL_TABLES")
    return {
        "master_db": {"host": "master-db", **database},
        "replica_db": {"host": "replica-db", **database},
        "redis": {"host": "redis", "port": "6379", "password": "x"},
        "http": {"port": PORT},
    }
"""
BY_HAND = """
def read(environ):
    def group(prefix, *names):
        return {name: environ[f"{prefix}_{name.upper()}"] for name in names}
    database = ("host", "port", "name", "user", "sql_mode")
    return {
        "master_db": group("MASTER_DB", *database),
        "replica_db": group("REPLICA_DB", *database),
        "redis": group("REDIS", "host", "port"),
        "http": group("HTTP", "port"),
    }
"""


@pytest.mark.engine
@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param(HARD_CODED.replace("PORT", '"8080"'), Verdict.LUCKY, "happen to be right", id="constants"),
        pytest.param(HARD_CODED.replace("PORT", 'environ["HTTP_PORT"]'), Verdict.WRONG, "An order went to", id="half"),
        pytest.param(BY_HAND, Verdict.PASSED, "other settings", id="by hand"),
        pytest.param("def read(environ):\n    return {}\n", Verdict.DID_NOT_START, "was not read", id="nothing"),
        pytest.param(
            "def read(environ):\n    return environ['HOST_OF_DB']\n",
            Verdict.DID_NOT_START,
            "KeyError: 'HOST_OF_DB'",
            id="another name",
        ),
    ],
)
def test_reading_half_of_it_is_told_apart(
    participant: Stack, root: Path, body: str, verdict: Verdict, says: str
) -> None:
    """Constants that happen to be right are luck; any way to write it that reads everything will do."""
    judged = judge(participant, root, "config.env", body)
    assert judged.ruling is verdict, judged
    assert says in words(judged)


REPORTS = """
def missing(environ):
    return [Problem(one.variable, one.purpose, "is not set") for one in VARIABLES if WHICH]
"""


@pytest.mark.engine
@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param("def missing(environ):\n    return []\n", "names none of them", id="none"),
        pytest.param(REPORTS.replace("WHICH", "True"), "nothing is wrong with that", id="all there are"),
        pytest.param(
            REPORTS.replace("WHICH", "one.required and one.variable not in environ"),
            "nothing is wrong with that",
            id="secrets that are in files",
        ),
        pytest.param(
            "def missing(environ):\n    print('MASTER_DB_HOST is missing')\n    return []\n", "no JSON", id="prints"
        ),
        pytest.param(
            "def missing(environ):\n    raise SystemExit(0)\n", "exit code 0", id="leaves as if all were well"
        ),
    ],
)
def test_half_a_report_is_told_what_it_lacks(participant: Stack, root: Path, body: str, says: str) -> None:
    """All that is missing, nothing that is not, in one line, with exit code 1."""
    judged = judge(participant, root, "config.report", body)
    assert judged.ruling is Verdict.WRONG, judged
    assert says in words(judged)


def test_what_is_missing_comes_from_the_seed_and_has_a_secret() -> None:
    """Three or four variables, the same for the same seed, and not the same for everybody."""
    chosen = [tuple(config.missing_of(seed)) for seed in range(30)]
    assert chosen == [tuple(config.missing_of(seed)) for seed in range(30)]
    assert len(set(chosen)) > 10
    assert all(len(some) in (3, 4) and set(some) <= set(REQUIRED) for some in chosen)
    assert all(any(name.endswith("PASSWORD") for name in some) for some in chosen)


def test_variables_are_recognized_in_a_text() -> None:
    """By their whole name, in JSON and in prose; the file's variable stands for the secret's."""
    text = '{"variable":"MASTER_DB_SQL_MODE"} REDIS_PASSWORD_FILE, HTTP_PORT. XREDIS_HOST REDIS'
    assert OURS.findall(text) == ["MASTER_DB_SQL_MODE", "REDIS_PASSWORD", "HTTP_PORT"]


SHOWS_NOTHING = 'def what_is_wrong(value, problem):\n    return "cannot be used"\n'
SAYS_VALUE = 'def what_is_wrong(value, problem):\n    return f"is {value[3:12]}…"\n'
HIDES = "@dataclass(frozen=True)\nclass Secret:\n    text: str = __import__('dataclasses').field(repr=False)\n"
HIDES += "    def get_secret_value(self):\n        return self.text\n"
PLAIN = "class Secret(str):\n    def get_secret_value(self):\n        return str(self)\n"
LOSES = "class Secret(SecretStr):\n    def get_secret_value(self):\n        return '*****'\n"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param(HIDES + SHOWS_NOTHING, Verdict.PASSED, "no value shows", id="a dataclass without repr"),
        pytest.param(PLAIN + SHOWS_NOTHING, Verdict.WRONG, "prints the settings shows", id="text"),
        pytest.param(LOSES + SHOWS_NOTHING, Verdict.WRONG, "no longer gets its password", id="stars for everybody"),
        pytest.param(HIDES + SAYS_VALUE, Verdict.WRONG, "stands in the log", id="a part of the value"),
    ],
)
def test_values_that_show_are_found(participant: Stack, root: Path, body: str, verdict: Verdict, says: str) -> None:
    """A part of it is a leak, too; and hiding it from the service is no solution."""
    judged = judge(participant, root, "config.redact", body)
    assert judged.ruling is verdict, judged
    assert says in words(judged)


READS = """
def from_file(variable, environ):
    path = environ.get(f"{variable}_FILE")
    if path is None:
        return None
    if variable in environ:
        raise ValueError("is set twice")
    try:
        return Path(path).read_text().STRIPPED
    except ERRORS as error:
        raise ValueError("cannot be read") from error
"""


@pytest.mark.engine
@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        pytest.param(
            READS.replace("STRIPPED", "removesuffix('\\n')").replace("ERRORS", "OSError"),
            Verdict.PASSED,
            "to the letter",
            id="right",
        ),
        pytest.param(
            READS.replace("STRIPPED", "strip()").replace("ERRORS", "OSError"), Verdict.WRONG, "cut off", id="strips"
        ),
        pytest.param(
            READS.replace("STRIPPED", "removesuffix('\\n')").replace("ERRORS", "FileNotFoundError"),
            Verdict.WRONG,
            "IsADirectoryError",
            id="expects no folder",
        ),
        pytest.param(
            READS.replace("STRIPPED", "removesuffix('\\n')")
            .replace("ERRORS", "OSError")
            .replace("variable in environ", "False"),
            Verdict.WRONG,
            "takes one of them in silence",
            id="both",
        ),
    ],
)
def test_half_a_way_to_read_a_file_is_told_what_it_lacks(
    participant: Stack, root: Path, body: str, verdict: Verdict, says: str
) -> None:
    """To the letter, one of the two, and an error that names the variable."""
    judged = judge(participant, root, "config.file", body)
    assert judged.ruling is verdict, judged
    assert says in words(judged)


RESTORES = """
@contextmanager
def environment(**changes):
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
"""
SWALLOWS = RESTORES.replace("    yield\n", "    try:\n        yield\n    except Exception:\n        pass\n")
FORGETS = "@contextmanager\ndef environment(**changes):\n    os.environ.update(changes)\n    yield\n"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(RESTORES, "What runs even if a test fails?", id="not when a test fails"),
        pytest.param(SWALLOWS, "its failure does not come through", id="swallows the failure"),
        pytest.param(FORGETS, "the first is there", id="restores nothing"),
        pytest.param("def environment(**changes):\n    return None\n", "TypeError", id="no context manager"),
    ],
)
def test_half_a_restoration_is_told_what_it_lacks(participant: Stack, root: Path, body: str, says: str) -> None:
    """Whatever happens in the block, everything is as it was, and the failure is still a failure."""
    judged = judge(participant, root, "config.restore", body)
    assert judged.ruling is Verdict.WRONG, judged
    assert says in words(judged)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("identifier", "body"),
    [
        ("config.redact", "import os\nos._exit(0)\n"),
        ("config.file", "def from_file(\n"),
        ("config.restore", "raise SystemExit('no')\n"),
    ],
)
def test_a_module_that_cannot_be_asked_did_not_start(
    participant: Stack, root: Path, identifier: str, body: str
) -> None:
    """A module that ends everything, or is none, is said so; nothing of ours fails."""
    judged = judge(participant, root, identifier, body)
    assert judged.ruling is Verdict.DID_NOT_START, judged
    assert judged.summary.startswith("It did not start:")
