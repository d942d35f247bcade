"""Wrong answers on real containers: each gets the verdict and the finding for its mistake."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import SEED
from workshop_kit.engine import images
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.tasks import environments
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.checks import container_limits, logging_collector
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

SOLVED = check_runner.solved_files("01_container")
PIP_FIRST = "COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
EXEC_FORM = 'CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8080"]'
UVICORN = "uvicorn app:app --host 0.0.0.0 --port 8080"


def dockerfile(old: str, new: str) -> dict[str, str]:
    """The solved Dockerfile of lesson 01 with one change."""
    assert old in SOLVED["Dockerfile"]
    return {"Dockerfile": SOLVED["Dockerfile"].replace(old, new)}


ROOT = dockerfile("USER 10001:10001\n", "")
IMAGES = {
    "code before packages": (
        dockerfile(PIP_FIRST, "COPY . .\nRUN pip install -r requirements.txt\n"),
        "installs all packages",
    ),
    "root": (ROOT, "The service is root"),
    "shell form": (dockerfile(EXEC_FORM, f"CMD {UVICORN}"), "Process 1 is a shell"),
    "no versions": ({"requirements.txt": "starlette\nuvicorn\n"}, "packages that nobody has tested"),
    "one version": (
        {"requirements.txt": "starlette==1.10.0\nuvicorn==0.54.0\n"},
        "newer than before: anyio, click, h11",
    ),
    "no .env in .dockerignore": ({".dockerignore": ".git\n"}, "can read .env"),
    "deleted later": (
        {".dockerignore": ""} | dockerfile("USER", "RUN rm -rf .git .env\nUSER"),
        "the layer below still holds it",
    ),
    "typing error": (dockerfile("RUN pip", "RUNN pip"), "RUNN is no instruction of a Dockerfile"),
    "no such program": (dockerfile('"uvicorn"', '"unicorn"'), '"unicorn": executable file not found'),
    "no such user": (dockerfile("USER 10001:10001", "USER app"), "USER names app, and the image has no account"),
    "other module": (dockerfile("app:app", "main:app"), "uvicorn finds no module main"),
    "other name": (dockerfile("app:app", "app:service"), "The module that CMD names has no service"),
    "other port": (dockerfile('"8080"', '"8000"'), "The service listens on http://0.0.0.0:8000"),
    "this machine alone": (dockerfile('"0.0.0.0"', '"127.0.0.1"'), "The service listens on http://127.0.0.1:8080"),
    "single quotes": (dockerfile(EXEC_FORM, EXEC_FORM.replace('"', "'")), "CMD is no JSON list"),
    "code with an error": ({"app.py": SOLVED["app.py"].replace("(request):", "(request)")}, "SyntaxError: expected"),
}
ENDLESS = "trap 'while :; do echo stopping; done' TERM\n"
SCRIPTS = {
    "the starter": (UVICORN, "Process 1 is a shell, which passes"),
    "no limit": (f"exec {UVICORN}", "one client that never sends the rest"),
    "exit in a trap": (f"trap 'exit 0' TERM\n{UVICORN} &\nwait", "ended without an answer, so the order is lost"),
    "one wait": (f'{UVICORN} &\ntrap "kill $!" TERM\nwait', "SIGTERM ended process 1 itself"),
    "too short": (f"exec {UVICORN} --timeout-graceful-shutdown 0", "gave up the order that was under way"),
    "a wrapper": (
        f"exec python -c 'import subprocess; subprocess.run(\"{UVICORN}\".split())'",
        "The service does not hear SIGTERM and goes on taking orders",
    ),
    "prints for ever when told to stop": (f"{ENDLESS}{UVICORN} &\nwait", "137"),
    "loops": ("while :; do :; done", "a loop that never ends"),
    "exits at once": ("exit 0", "exit code 0"),
    "no such program": ("exec unicorn app:app", "unicorn"),
    "syntax error": ("if true", "Syntax error"),
}
MOST = container_limits.given(SEED)
MEMORY, CORES = f"mem_limit: {MOST['memory_mib']}m", f"cpus: {MOST['cores']}"
PROCESSES = f"pids_limit: {MOST['processes']}"
READ_ONLY = ("read_only: true", "tmpfs: /tmp")
DEPLOYED = f"cpus: '{MOST['cores']}', memory: {MOST['memory_mib']}M, pids: {MOST['processes']}"
LIMITS = {
    "wishes": ((f"mem_reservation: {MOST['memory_mib']}m", CORES, PROCESSES, *READ_ONLY), "which is only a wish"),
    "swap": ((MEMORY, "memswap_limit: 1g", CORES, PROCESSES, *READ_ONLY), "it goes on in swap"),
    "writable": ((MEMORY, CORES, PROCESSES), "can change the code that runs"),
    "no processes": ((MEMORY, CORES, *READ_ONLY), "a fork bomb would take the whole machine"),
    "too much": (("mem_limit: 1g", CORES, PROCESSES, *READ_ONLY), "It may use 1024 MiB"),
    "too little": (("mem_limit: 8m", CORES, PROCESSES, *READ_ONLY), "8 MiB of memory"),
    "no YAML": ((MEMORY, f" {CORES}"), "line"),
    "misspelled": ((MEMORY, CORES, PROCESSES, "readonly: true"), "property readonly is not allowed"),
    "swap alone": (("memswap_limit: 96m", CORES, PROCESSES, *READ_ONLY), "refuses to start"),
}


def compose(*lines: str) -> dict[str, str]:
    """The compose.yaml of lesson 01 with these lines in the region."""
    text = "".join(f"    {line}\n" for line in lines)
    return {"compose.yaml": regions.replace(SOLVED["compose.yaml"], "container.limits", text)}


CONTAINER = [
    *(pytest.param("container.dockerfile", files, says, id=f"image, {name}") for name, (files, says) in IMAGES.items()),
    *(
        pytest.param(
            "container.graceful",
            {"start.sh": regions.replace(SOLVED["start.sh"], "container.graceful", body)},
            says,
            id=f"script, {name}",
        )
        for name, (body, says) in SCRIPTS.items()
    ),
    *(
        pytest.param("container.limits", compose(*lines), says, id=f"limits, {name}")
        for name, (lines, says) in LIMITS.items()
    ),
]


@pytest.mark.long
@pytest.mark.parametrize(("identifier", "files", "says"), CONTAINER)
def test_each_wrong_answer_of_lesson_01_is_named(
    stack: Stack, identifier: str, files: dict[str, str], says: str
) -> None:
    """The folder is built and run, and the words of the result name the mistake."""
    result = check_runner.judge_files(stack, identifier, files)
    assert result.verdict is not Verdict.PASSED
    assert says in check_runner.words(result)


@pytest.mark.parametrize("name", ["no YAML", "misspelled"])
def test_a_file_that_compose_refuses_is_one_sentence(tmp_path: Path, name: str) -> None:
    """In Compose's own words, without this machine's paths."""
    lines, says = LIMITS[name]
    (tmp_path / "compose.yaml").write_text(compose(*lines)["compose.yaml"])
    with pytest.raises(WrongUsage) as refused:
        container_limits.read(tmp_path)
    assert says in refused.value.what
    assert str(tmp_path) not in refused.value.what
    assert refused.value.what.startswith("Compose refuses compose.yaml: ")


@pytest.mark.usefixtures("images")
def test_limits_of_a_deploy_are_honored(stack: Stack) -> None:
    """``deploy.resources.limits`` is Compose's own other way to write them."""
    files = compose(f"deploy: {{resources: {{limits: {{{DEPLOYED}}}}}}}", *READ_ONLY)
    result = check_runner.judge_files(stack, "container.limits", files)
    assert result.verdict is Verdict.PASSED, result


def images_of(stack: Stack) -> set[str]:
    """The images of this workspace, by name; those without one by id."""
    label = {"label": f"{SESSION}={stack.session.identity.session}"}
    found = stack.session.engine.client.api.images(filters=label)
    return {next(iter(image["RepoTags"] or ()), image["Id"]) for image in found}


def test_a_fault_of_an_image_is_reported_while_the_check_runs(stack: Stack) -> None:
    """The finding is on the screen before the check is over, and no image stays but the base with newer wheels."""
    reported: list[str] = []
    before = images_of(stack)
    with check_runner.leaving_nothing(stack):
        result = check_runner.judge_files(
            stack, "container.dockerfile", ROOT, lambda step: reported.append(step.detail)
        )
    assert [finding.passed for finding in result.findings] == [False, True, True, True, True]
    assert "The service is root" in result.summary
    assert f"✗ {result.summary}" in reported
    newer = f"{images.tags(stack.root)['python']}-newer-{stack.session.identity.session}"
    assert images_of(stack) - before <= {newer}


def test_a_newer_check_ends_the_running_one(stack: Stack, tmp_path: Path) -> None:
    """The older one ends without a result in the middle of its build, and leaves nothing."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "mine"), lambda: stack)
    path = exercise_service.workspace.my_service / "Dockerfile"
    path.write_text("FROM workshop/python:3.13\nRUN sleep 50\n")
    building = threading.Event()
    with check_runner.leaving_nothing(stack), ThreadPoolExecutor(1) as pool:
        older = pool.submit(exercise_service.check, "container.dockerfile", lambda _: building.set())
        assert building.wait(20)
        checkpoint.solve(exercise_service, "container.dockerfile")
        began = time.monotonic()
        assert exercise_service.check("container.dockerfile").passed
        with pytest.raises(Superseded):
            older.result()
        assert time.monotonic() - began < 40


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
HARD_CODED = """
def read(environ):
    known = dict(user="colleague", password="tea4Two!Kyoto19")
    database = dict(port="3306", name="workshop", sql_mode="STRICT_ALL_TABLES", **known)
    return {
        "master_db": {"host": "master-db", **database},
        "replica_db": {"host": "replica-db", **database},
        "redis": {"host": "redis", "port": "6379", **known},
        "http": {"port": "8080"},
        "log": {"level": "info"},
    }
"""
READS = """
import os

ENVIRON = dict(os.environ)

def read(environ):
    settings = {group: {} for group in GROUPS}
    for one in VARIABLES:
        #
    return settings
"""
FIRST_ONE_MISSING = READS.replace("#", "settings[one.group][one.name] = environ[one.variable]")
NONE_FOR_MISSING = READS.replace("#", "settings[one.group][one.name] = environ.get(one.variable)")
AT_IMPORT = READS.replace(
    "#", "if one.variable in ENVIRON:\n            settings[one.group][one.name] = ENVIRON[one.variable]"
)
PRINTS = (
    AT_IMPORT.replace("ENVIRON", "environ")
    .replace("return", "print(settings, flush=True)\n    return")
    .replace("environ = dict(os.environ)\n", "")
)
IS_TEXT = """
class Secret(str):
    def get_secret_value(self):
        return str(self)

def what_is_wrong(value, problem):
    return "cannot be used"
"""
STRIPS = """
def from_file(variable, environ):
    path = environ.get(f"{variable}_FILE")
    if path and variable in environ:
        raise ValueError("is set twice")
    return Path(path).read_text().strip() if path else None
"""
TAKE = """
    def take(self, container, position, lines):
        for part, some in lines.items():
            self.lines.setdefault(part, []).extend(some)
        self.positions[container] = position
"""
NAMED = 'self.folder / PARTS / f"{self.generation + 1:012d}~{self.spool}~{part}"'
CHECKPOINT_FIRST = f"""{TAKE}
    def commit(self):
        self.generation += 1
        save(self)
        self.generation -= 1
        for part, lines in self.lines.items(): write_safely({NAMED}, lines)
        self.generation += 1
        self.lines = {{}}
"""


def with_expression(expression: str) -> str:
    """The rules with this expression."""
    return regions.replace(RULES, "monitoring.ratio", f"        expr: >-\n          {expression}\n")


def solved(identifier: str, file: str) -> str:
    """The solution's region in a file of lesson 04."""
    return regions.region_of(regions.solved(check_runner.marked(CHECKOUT, file, "04_monitoring")), identifier)


DEEP, CRITICAL = solved("monitoring.deep", "health.py"), solved("monitoring.critical", "health.py")
DRAIN, PROBE = solved("monitoring.drain", "health.py"), solved("monitoring.healthcheck", "Dockerfile")
METRICS = solved("monitoring.metrics", "metrics.py")
RULES = regions.solved(check_runner.marked(CHECKOUT, "alerts.yml", "04_monitoring"))
STATUS = '"none" if status is None else str(status)'
DRIVERS_WORDS = DEEP.replace('f"no answer from {result.name}"', 'f"{result.name}: {result.error}"')
PINGS = DEEP.replace("(_: Request)", "(request: Request)").replace(
    '    return respond(200, {"status": "pass"})',
    "    state = request.app.state\n    error = await answer_of(state.dependencies.redis)\n"
    '    return respond(503 if error else 200, {"status": "pass"})',
)
BY_HEART = CRITICAL.replace("result.critical for", 'result.name in ("master-db", "redis") for')
ASKS_HEALTH = """["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=1)"]"""
OF_DATABASE = PROBE.replace('["python", "-I", "-S", "/app/my_service/probe.py"]', ASKS_HEALTH)
NO_TIME = PROBE.replace("--retries=2 --start-period=10s", "--retries=1")
JOB, PROBES = 'job="my-service"', ', route!~"/livez|/readyz|/health"'
WRONG, LUCKY, NOT_UP = Verdict.WRONG, Verdict.LUCKY, Verdict.DID_NOT_START

REGIONS = [
    ("constants", "config.env", HARD_CODED, LUCKY, "happen to be right"),
    ("brackets", "config.env", FIRST_ONE_MISSING, NOT_UP, "KeyError: 'REDIS_USER'"),
    ("get", "config.env", NONE_FOR_MISSING, NOT_UP, "REDIS_USER is set, but empty"),
    ("at import", "config.env", AT_IMPORT, WRONG, "when the module was imported"),
    ("prints", "config.env", PRINTS, WRONG, "It prints what it reads"),
    ("text", "config.redact", IS_TEXT, WRONG, "Printing the settings shows"),
    ("no finally", "config.restore", RESTORES, WRONG, "What runs even if a test fails?"),
    ("strips", "config.file", STRIPS, WRONG, "FileNotFoundError"),
    ("leaves", "config.file", "import os\nos._exit(0)\n", NOT_UP, "exit code 0"),
    ("checkpoint first", "logging.collector", CHECKPOINT_FIRST, WRONG, logging_collector.LOST),
    ("the driver's words", "monitoring.deep", DRIVERS_WORDS, WRONG, "tells strangers"),
    ("a ping with a limit", "monitoring.deep", PINGS, WRONG, "no restart mends a database"),
    ("by heart", "monitoring.critical", BY_HEART, LUCKY, "by heart"),
    (
        "never",
        "monitoring.drain",
        DRAIN.replace("state.draining", "state.draining and False"),
        WRONG,
        "that it is ready",
    ),
    ("of the database", "monitoring.healthcheck", OF_DATABASE, WRONG, "takes a service for dead that answers"),
    (
        "one try",
        "monitoring.healthcheck",
        PROBE.replace("--retries=2", "--retries=1"),
        WRONG,
        "One answer that came late",
    ),
    ("no time to start", "monitoring.healthcheck", NO_TIME, WRONG, "restarted while it was starting"),
    ("none", "monitoring.healthcheck", "# none\n", WRONG, "has no HEALTHCHECK"),
    ("hung up", "monitoring.metrics", METRICS.replace(STATUS, "str(status or 500)"), WRONG, "a train entered a tunnel"),
    ("raises", "monitoring.metrics", METRICS.replace(f", {STATUS}", ""), WRONG, "ValueError: Incorrect label count"),
    ("method", "monitoring.metrics", METRICS.replace(' if method in METHODS else "OTHER"', ""), WRONG, "the client's"),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("identifier", "body", "verdict", "says"), [pytest.param(*case, id=f"{case[0]}, {name}") for name, *case in REGIONS]
)
def test_each_wrong_region_is_named(
    participant: Stack, identifier: str, body: str, verdict: Verdict, says: str
) -> None:
    """The service is built with the region and run; a hostile module yields findings, and never an exception."""
    result = check_runner.judge_region(participant, identifier, body)
    assert result.verdict is verdict, result
    assert says in check_runner.words(result), result


def test_random_paths_stop_after_the_first_hundred(participant: Stack) -> None:
    """A hundred series show the mistake: ten thousand paths are not needed."""
    raw_path = METRICS.replace("method, route, ", "method, path, ")
    result = check_runner.judge_region(participant, "monitoring.metrics", raw_path)
    assert "a client invented" in result.summary, result
    assert "100 invented paths" in check_runner.words(result), result


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(RULES.replace("5..", "[45].."), "a 404 is no failure of the service", id="404"),
        pytest.param(with_expression(f"sum(rate(http_requests_total{{{JOB}}}[10s])) > 5"), "mistype", id="not a share"),
        pytest.param(RULES.replace(PROBES, ""), "because a probe was told", id="probes"),
        pytest.param(RULES.replace(f"{JOB}, ", ""), "because the other service fails", id="job"),
        pytest.param(RULES.replace("for: 2s", "for: 0s"), "at the first moment over the limit", id="at once"),
        pytest.param(RULES.replace("0.05", "5"), "Customers fail in numbers, and nobody is called", id="percent"),
        pytest.param(RULES.replace("[10s]", "[1m]"), "Customers fail in numbers", id="long"),
        pytest.param(
            with_expression(
                "rate(http_requests_total{status=~'5..'}[10s]) / ignoring(status) rate(http_requests_total[10s]) > 0.05"
            ),
            "duplicate series",
            id="cannot be computed",
        ),
        pytest.param(with_expression("sum(rate(http_requests_total[10s])"), "unclosed left parenthesis", id="refused"),
    ],
)
def test_each_wrong_alert_is_named(participant: Stack, text: str, says: str) -> None:
    """By the real promtool: silent where it should call, loud where it should not, or not computed at all."""
    assert text != RULES
    result = check_runner.judge(participant, "monitoring.ratio", text)
    assert result.verdict is Verdict.WRONG, result
    assert says in check_runner.words(result), result


@pytest.mark.parametrize(
    ("program", "passed"),
    [
        pytest.param(
            '(fromjson? // empty) | select(type == "object" and (.status | type) == "number" and .status >= 500)'
            ' | select(.request_id | type == "string") | .request_id',
            [True, True, True],
            id="another way",
        ),
        pytest.param(
            "fromjson | objects | select((.status | numbers) >= 500) | .request_id | strings",
            [False, True, True],
            id="dies",
        ),
        pytest.param(
            "fromjson? | objects | select(.status >= 500) | .request_id | strings", [True, True, False], id="takes text"
        ),
        pytest.param(
            "fromjson? | objects | select((.status | numbers) > 500) | .request_id | strings",
            [True, False, True],
            id="misses 500",
        ),
        pytest.param("repeat(1)", [False, False, False], id="without an end"),
        pytest.param("fromjson? | (", [False], id="no program"),
    ],
)
def test_each_jq_program_gets_its_findings(participant: Stack, program: str, passed: list[bool]) -> None:
    """By the real jq, over the live service's log: no complaint, none missing, none too many."""
    result = check_runner.judge(participant, "logging.jq", program)
    expected = Verdict.NOT_READABLE if passed == [False] else Verdict.PASSED if all(passed) else Verdict.WRONG
    assert result.verdict is expected, result
    assert [finding.passed for finding in result.findings] == passed, result.findings


@pytest.mark.long
def test_the_right_password_written_into_the_file_is_luck(participant: Stack) -> None:
    """Orders work, and the file and inspect show why they should not; the findings do not repeat the password."""
    password = environments.settings_of(participant)["master_db/password"]
    value = password if isinstance(password, str) else password.get_secret_value()
    text = regions.solved(check_runner.marked(CHECKOUT, "tasks.yaml", "02_configuration"))
    text = text.replace("    - { name: MASTER_DB_PASSWORD, valueFrom: /workshop/desk/master_db/password }\n", "")
    head, tail = text.split("desk:", 1)
    own = f"  environment:\n    - {{ name: MASTER_DB_PASSWORD, value: '{value}' }}\n"
    text = f"{head}desk:{tail.replace('  secrets:', f'{own}  secrets:', 1)}"
    result = check_runner.judge(participant, "config.store", text)
    assert result.verdict is Verdict.LUCKY, result
    assert [finding.passed for finding in result.findings] == [False, True, False]
    assert value not in str(result)
