"""Secrets of the running stack appear only in their files: a search with canaries after faults.

A refusal to start, and a traceback with settings in it: the check of config.redact.
"""

from __future__ import annotations

import base64
import json
import os
import random
import string
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import own_stack
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import run as run_container
from workshop_kit.engine.labels import COMPOSE_PROJECT
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import SECRETS, Stack
from workshop_kit.faults.injection import fault
from workshop_kit.observe import http
from workshop_kit.observe.leaks import Surface, archive_of, container_surfaces, find, hunt, image_surfaces, new_canary
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.engine
PLACES = ("inspect", "/proc/*/environ", "/proc/*/cmdline", "processes", "log", "writable layer")
SCRIPT = 'echo "${#LOG} $LOG" | cut -c 1-10; mkdir /var/left; echo "$LAYER" > /var/left/password; sleep 600; : '

DATABASES = ("master-db", "replica-db")
READ = ("/livez", "/readyz", "/health", "/metrics", "/orders", "/nowhere")
ORDERS = (b"{", b'{"item": "tea", "quantity": 1}')
REQUESTS = [*(("GET", path, None) for path in READ), *(("POST", "/orders", body) for body in ORDERS)]
SQL = """SHOW FULL PROCESSLIST; SHOW GLOBAL VARIABLES; SHOW GLOBAL STATUS; SHOW REPLICA STATUS\\G
SELECT * FROM mysql.global_priv; SHOW BINLOG EVENTS;"""


def secrets_of(stack: Stack) -> dict[str, str]:
    """Every secret of a stack, by its file's name."""
    return {name: (stack.folder / "secrets" / name).read_text() for name in SECRETS}


def answers(stack: Stack) -> Iterator[Surface]:
    """The answer to each request."""
    for method, path, body in REQUESTS:
        answer = http.request(method, stack.url() + path, content=body, timeout_seconds=10)
        yield Surface.of(f"{method} {path}", stack.url(), f"{answer} {dict(answer.headers)}\n{answer.body}")


def trouble(stack: Stack, fault_name: str, service: str) -> None:
    """Send every request while a dependency is away."""
    with fault(fault_name, stack, service):
        list(answers(stack))


def of_stack(stack: Stack) -> Iterator[Surface]:
    """Every surface of a running stack but its images' layers and the files beside it."""
    yield from answers(stack)
    for container in stack.containers().values():
        yield from container_surfaces(container)
    client = stack.session.engine.client
    label = {"label": f"{COMPOSE_PROJECT}={stack.project}"}
    for kind, list_objects in (("networks", client.networks.list), ("volume inspect", client.volumes.list)):
        yield Surface.of(
            kind, stack.project, json.dumps([engine_object.attrs for engine_object in list_objects(filters=label)])
        )
    now = int(datetime.now(UTC).timestamp())
    events = list(client.events(since=0, until=now, filters=label, decode=True))
    yield Surface.of("engine events", stack.project, json.dumps(events))
    for name in DATABASES:
        output = stack.container(name).exec_run(["mariadb", "--force", "--execute", SQL], user="0").output
        yield Surface.of("SQL as administrator", name, output)
    command = ["docker", "compose", "--env-file", os.devnull, "--project-name", stack.project, "config"]
    environment = {**os.environ, **stack.variables()}
    process = subprocess.run(command, cwd=stack.root, env=environment, capture_output=True, check=True)
    yield Surface.of("compose config", stack.project, process.stdout + process.stderr)


def assert_clean(table: pd.DataFrame, stack: Stack) -> None:
    """Assert that nothing was found, and that every container had surfaces to search."""
    assert table[table["encoding"] != ""].to_dict("records") == []
    assert set(stack.containers()) <= set(table["where"])
    empty = set(table.loc[table["size_bytes"] == 0, "surface"])
    assert empty <= {"open pipes", "writable layer"}, "a read-only container has nothing there"


def test_no_secret_of_the_stack_shows(stack: Stack) -> None:
    """Six characters of any secret, in five encodings, after orders and a lost cache: on no surface."""
    trouble(stack, "kill", "redis")
    assert_clean(hunt(secrets_of(stack), of_stack(stack)), stack)


@pytest.fixture
def canary_stack(tmp_path: Path) -> Iterator[Stack]:
    """The running stack of a workspace of the test's own, whose secrets are the same in every run.

    A random canary may match bytes of an image by chance.
    """
    workspace = Workspace.open(tmp_path / "workspace")
    workspace.secrets_folder.mkdir(parents=True, exist_ok=True)
    letters = string.ascii_letters + string.digits
    for name in SECRETS:
        chance = random.Random(f"canary {name}")
        (workspace.secrets_folder / name).write_text("+/".join("".join(chance.choices(letters, k=6)) for _ in range(4)))
    with own_stack(workspace.folder) as stack:
        stack.up()
        yield stack


@pytest.mark.long
def test_no_secret_shows_in_images_and_volumes(canary_stack: Stack) -> None:
    """The whole hunt: also in every layer, in the databases' files, and in the workspace."""
    stack = canary_stack
    trouble(stack, "pause", "master-db")
    trouble(stack, "kill", "replica-db")
    half = {"MYSQL_PWD": secrets_of(stack)["master_db_password"][:15] + "x"}
    stack.container("master-db").exec_run(["mariadb", "--host=127.0.0.1", "--user=orders"], environment=half)
    stack.up()

    def everywhere() -> Iterator[Surface]:
        for tag in sorted({container.attrs["Config"]["Image"] for container in stack.containers().values()}):
            yield from image_surfaces(stack.session.engine, tag)
        yield from of_stack(stack)
        for name in DATABASES:
            yield Surface("database files", name, archive_of(stack.container(name), "/var/lib/mysql"))
        for path in stack.folder.rglob("*"):
            if path.is_file() and not path.is_relative_to(stack.folder / "secrets"):
                yield Surface.of("workspace", str(path), bytes(path) + path.read_bytes())

    table = hunt(secrets_of(stack), everywhere())
    assert_clean(table, stack)
    assert (table.loc[table["surface"] == "image layers", "size_bytes"] > 50_000_000).all()
    assert (table.loc[table["surface"] == "database files", "size_bytes"] > 1_000_000).all()


@pytest.mark.long
def test_a_planted_leak_is_found(session: Session, images: dict[str, str]) -> None:
    """The same search on a container that leaks in six places finds each secret where it was planted."""
    planted = {place: new_canary() for place in PLACES}
    shown = {
        "BASE64": base64.b64encode(planted["inspect"].encode()).decode(),
        "PASSWORD": planted["/proc/*/environ"],
        "LOG": planted["log"],
        "LAYER": planted["writable layer"],
    }
    command = SCRIPT + planted["/proc/*/cmdline"].encode().hex() + " " + planted["processes"][::-1]
    spec = Spec(
        images["base"],
        command=("sh", "-c", command),
        environment=shown,
        read_only=False,
        cap_drop=(),
    )

    def leaking_surfaces() -> set[str]:
        table = find(planted, container_surfaces(leaky.container))
        return {row["surface"] for row in table.to_dict("records") if row["surface"] in row["secret"].split(", ")}

    with run_container(session, spec) as leaky:
        leaky.wait_for(lambda: leaking_surfaces() == set(PLACES))
