"""No secret of the running stack shows anywhere but in its file: a hunt with canaries, after a life full of trouble."""

from __future__ import annotations

import base64
import random
import string
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from workshop_kit.disturb.faults import fault
from workshop_kit.engine import cleanup, making, stack_files
from workshop_kit.engine.containers import run as run_container
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec, like
from workshop_kit.engine.stack import Stack
from workshop_kit.learn import ready
from workshop_kit.learn.tour import tour
from workshop_kit.learn.workspace import Workspace
from workshop_kit.observe import surfaces
from workshop_kit.observe.leaks import Surface, find, hunt, new_canary

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

REQUESTS = (
    ("GET", "/livez", None),
    ("GET", "/readyz", None),
    ("GET", "/health", None),
    ("GET", "/orders", None),
    ("GET", "/orders/1", None),
    ("GET", "/nowhere", None),
    ("DELETE", "/orders", None),
    ("POST", "/orders", b"{"),
    ("POST", "/orders", b'{"item": "tea", "quantity": 1}'),
)
LESSONS = ("00_start", "02_configuration")  # those that show settings; all of them would take minutes
CRASH = """
import os
from workshop_app import config, logs
logs.start()
settings = config.load(os.environ)
print(settings, repr(settings), settings.model_dump(), settings.model_dump_json())
raise RuntimeError(settings)
"""
SQL = """SHOW FULL PROCESSLIST; SHOW GLOBAL VARIABLES; SHOW GLOBAL STATUS; SHOW REPLICA STATUS\\G
SELECT * FROM mysql.global_priv; SHOW BINLOG EVENTS;"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of this module's own: its secrets are canaries."""
    return Workspace.open(tmp_path_factory.mktemp("leaks") / "workspace")


@pytest.fixture(scope="module")
def session(workspace: Workspace, engine: Engine) -> Iterator[Session]:
    """What is made here goes when the module ends."""
    session = ready.session_of(workspace, engine)
    yield session
    assert cleanup.remove(session, {"kernel", "workspace"}).left == []


def fixed_canary(name: str) -> str:
    """The same in every run: six random letters may stand by chance somewhere in all the bytes of an image."""
    chance = random.Random(f"canary {name}")
    return "+/".join("".join(chance.choices(string.ascii_letters + string.digits, k=6)) for _ in range(4))


@pytest.fixture(scope="module")
def canaries(workspace: Workspace) -> dict[str, str]:
    """Every secret of the stack, by its file's name, made for this hunt."""
    workspace.secrets_folder.mkdir(parents=True, exist_ok=True)
    made = {name: fixed_canary(name) for name in stack_files.SECRETS}
    for name, canary in made.items():
        (workspace.secrets_folder / name).write_text(canary)
    return made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where executed lessons are written."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def troubled(workspace: Workspace, session: Session, canaries: dict[str, str], pages: Path, root: Path) -> Stack:
    """The stack after orders, refused log-ins, lost databases, and lessons executed on it."""
    stack = ready.stack_of(workspace, session)
    stack.up()
    there = [name for name in LESSONS if (root / "notebooks" / f"{name}.ipynb").exists()]
    results = tour(workspace, there, output=pages / "html", book=pages / "book")
    assert [(result.lesson, result.error) for result in results] == [(name, None) for name in there]
    stack.up()
    for service in ("master-db", "replica-db", "redis"):
        for trouble in ("pause", "kill"):
            with fault(trouble, stack, service):
                for method, path, body in REQUESTS:
                    httpx.request(method, stack.url() + path, content=body, trust_env=False, timeout=10)
    stack.up()
    assert httpx.get(stack.url() + "/orders/1", trust_env=False).status_code == 200
    for name in ("master-db", "redis"):  # a log-in with half a password
        half = canaries["master_db_password"][:15] + "x"
        command = ["mariadb", "--host=127.0.0.1", "--user=orders"] if name == "master-db" else ["redis-cli", "PING"]
        stack.container(name).exec_run(command, environment={"MYSQL_PWD": half, "REDISCLI_AUTH": half})
    return stack


def compose(stack: Stack, root: Path, *words: str) -> bytes:
    """What plain docker compose says of the stack."""
    command = ["docker", "compose", "--env-file", str(stack.prepare()), "--project-name", stack.project]
    done = subprocess.run([*command, "--file", str(root / "compose.yaml"), *words], capture_output=True, check=True)
    return done.stdout + done.stderr


def of_troubles(stack: Stack, canaries: dict[str, str]) -> Iterator[Surface]:
    """What the service says when it explains itself, refuses to start, or crashes with its settings in hand."""
    service, python = stack.container("service"), "/venv/bin/python"
    wrong = {"MASTER_DB_PORT": canaries["redis_password"], "MASTER_DB_SQL_MODE": canaries["master_db_password"]}
    explained = service.exec_run([python, "-m", "workshop_app", "--explain"])
    refused = service.exec_run([python, "-m", "workshop_app"], environment=wrong | {"REDIS_PASSWORD": "twice"})
    with run_container(stack.session, like(service, entrypoint=(python, "-c", CRASH), healthcheck=None)) as crashed:
        assert crashed.container.wait()["StatusCode"] == 1
        crash = crashed.container.logs()
    assert (explained.exit_code, refused.exit_code) == (0, 1)
    assert b"configuration refused" in refused.output
    assert b"RuntimeError" in crash
    yield Surface.of("--explain", "service", explained.output)
    yield Surface.of("refusal to start", "service", refused.output)
    yield Surface.of("traceback of a crash", "service", crash)


def everywhere(stack: Stack, root: Path, pages: Path, canaries: dict[str, str]) -> Iterator[Surface]:
    """Every surface there is."""
    engine = stack.session.engine
    for tag in sorted({container.attrs["Config"]["Image"] for container in stack.containers().values()}):
        yield from surfaces.of_image(engine, tag)
    yield from of_troubles(stack, canaries)
    yield from surfaces.of_answers(stack.url(), REQUESTS)
    for container in stack.containers().values():
        yield from surfaces.of_container(container)
    yield from surfaces.of_project(engine, stack.project)
    for name in ("master-db", "replica-db"):
        output = stack.container(name).exec_run(["mariadb", "--force", "--execute", SQL], user="0").output
        yield Surface.of("SQL as administrator", name, output)
    for words in (("config",), ("ps", "--all"), ("logs",), ("top",)):
        yield Surface.of(f"compose {words[0]}", stack.project, compose(stack, root, *words))
    yield surfaces.of_folder("workspace, compose.env, ledger", stack.folder, leave_out=[stack.folder / "secrets"])
    yield surfaces.of_folder("executed notebooks", pages)


@pytest.fixture(scope="module")
def found(troubled: Stack, root: Path, pages: Path, canaries: dict[str, str]) -> pd.DataFrame:
    """The hunt over everything, once."""
    return hunt(canaries, everywhere(troubled, root, pages, canaries))


def test_no_fragment_of_any_secret_shows(found: pd.DataFrame) -> None:
    """Six characters of any of them, in five encodings, on all surfaces: nowhere."""
    assert found[found["encoding"] != ""].to_dict("records") == []


def test_the_hunt_looked_everywhere(found: pd.DataFrame, troubled: Stack) -> None:
    """Sixteen kinds of places at least, each container, and there was something to see."""
    assert found["surface"].nunique() >= 16
    assert set(troubled.containers()) <= set(found["where"])
    empty = set(found.loc[found["size_bytes"] == 0, "surface"])
    assert empty <= {"open pipes", "writable layer", "volumes"}, "a read-only container has nothing there"
    layers = found[found["surface"] == "image layers"]
    assert (layers["size_bytes"] > 50_000_000).all()
    volumes = found[(found["surface"] == "volumes") & found["where"].isin(["master-db", "replica-db"])]
    assert (volumes["size_bytes"] > 1_000_000).all()
    pages = found[found["surface"] == "executed notebooks"]
    assert (pages["size_bytes"] > 100_000).all()


PLANTED: dict[str, Callable[[str], dict[str, Any]]] = {
    "inspect": lambda canary: {"environment": {"PASSWORD_BASE64": base64.b64encode(canary.encode()).decode()}},
    "/proc/*/environ": lambda canary: {"environment": {"PASSWORD": canary}},
    "/proc/*/cmdline": lambda canary: {"command": ("sh", "-c", "sleep 600; :", canary.encode().hex())},
    "processes": lambda canary: {"command": ("sh", "-c", f"sleep 600; echo {canary[::-1]}")},
    "log": lambda canary: {
        "command": ("sh", "-c", 'echo "${#W} $W" | cut -c 1-10; sleep 600'),
        "environment": {"W": canary},
    },
    "writable layer": lambda canary: {
        "command": ("sh", "-c", 'mkdir /var/left && echo "$W" > /var/left/password; sleep 600'),
        "environment": {"W": canary},
        "read_only": False,
        "cap_drop": (),
    },
    "volumes": lambda canary: {"volumes": ("/data",), "files": {"/data/password": canary}},
}


@pytest.mark.parametrize("surface", PLANTED)
def test_a_planted_leak_is_found(session: Session, images: dict[str, str], surface: str) -> None:
    """The same hunt on a container that leaks: it is found where it was planted."""
    canary = new_canary()
    spec = Spec(images["base"], **({"command": ("sleep", "600")} | PLANTED[surface](canary)))
    with run_container(session, spec) as leaky:
        leaky.wait_until(lambda: surface in set(find(canary, surfaces.of_container(leaky.container))["surface"]))


def test_a_leak_planted_in_the_stack_is_found(troubled: Stack, canaries: dict[str, str]) -> None:
    """One line in a log of the stack's own service: the hunt that found nothing finds it."""
    service = troubled.container("service")
    half = canaries["redis_password"][5:14]
    service.exec_run(["sh", "-c", 'echo "$HALF" > /proc/1/fd/1'], environment={"HALF": half})
    deadline = time.monotonic() + 20
    while half.encode() not in service.logs(tail=50):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    leaks = find(canaries, surfaces.of_container(service))
    assert leaks[["surface", "encoding", "secret"]].values.tolist() == [["log", "plain", "redis_password"]]


def test_a_secret_in_an_image_is_found(session: Session, images: dict[str, str], tmp_path: Path) -> None:
    """Baked in as a setting, or copied in and deleted again: in its settings, its history and its layers."""
    setting, deleted = new_canary(), new_canary()
    (tmp_path / "password").write_text(deleted)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {images['base']}\nENV PASSWORD={setting}\nCOPY password /tmp/password\nRUN rm /tmp/password\n"
    )
    tag = "container-workshop/test-leaky:1"
    making.image(session, tmp_path, tag)
    leaks = find({"setting": setting, "deleted": deleted}, surfaces.of_image(session.engine, tag))
    assert dict(zip(leaks["surface"], leaks["secret"], strict=True)) == {
        "image inspect": "setting",
        "image history": "setting",
        "image layers": "deleted, setting",
    }
