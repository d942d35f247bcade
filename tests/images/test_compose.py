"""compose.yaml: rules that every service must keep, those that are added later too; and the stack, up by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from workshop_kit.engine import monitoring
from workshop_kit.engine.labels import KIT, KIT_NAME, OWNER, SCOPE, SESSION
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import cgroup_variables, log_source, write_secrets

pytestmark = pytest.mark.engine

Service = dict[str, Any]


@pytest.fixture(scope="module")
def variables(session: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables that setup writes to .env, with secrets and a project of this module's own."""
    folder = tmp_path_factory.mktemp("by hand") / "secrets"
    write_secrets(folder)
    return {
        "COMPOSE_PROJECT_NAME": f"{session.identity.session}-by-hand",
        "WORKSHOP_SESSION": session.identity.session,
        "WORKSHOP_OWNER": session.identity.owner,
        "WORKSHOP_SECRETS_DIR": str(folder),
        "WORKSHOP_SERVICE_PORT": "",
        "WORKSHOP_LOG_SOURCE": log_source(session.engine),
        **cgroup_variables(session.engine.client.info(), session.identity.session),
        **{f"WORKSHOP_{name.upper()}_IMAGE": tag for name, tag in images.items()},
    }


def compose(root: Path, variables: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run plain docker compose with these variables and no others of the workshop."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("WORKSHOP_", "COMPOSE_"))}
    # Not the checkout's .env, which may hold other settings.
    command = ["docker", "compose", "--env-file", os.devnull, "--file", str(root / "compose.yaml"), *words]
    return subprocess.run(
        command, env=environment | variables, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.fixture(scope="module")
def parsed(root: Path, variables: dict[str, str]) -> dict[str, Any]:
    """The file as compose understands it, every profile included."""
    done = compose(root, variables, "--profile", "*", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    assert len(parsed["services"]) >= 3
    return parsed


def holds_secret(name: str) -> bool:
    """Whether a variable's name is that of a secret, not of a file with one."""
    return re.search(r"PASSWORD|SECRET|TOKEN|PRIVATE|CREDENTIAL", name) is not None and not name.endswith("_FILE")


MEANT_TO_BE_FOUND = ("MARIADB_COLLEAGUE_PASSWORD", "REDIS_COLLEAGUE_PASSWORD")
"""The password that lesson 02 finds in an image."""
RULES: dict[str, Callable[[Service], bool]] = {
    "the root file system is read-only": lambda service: service["read_only"] is True,
    "every capability is dropped, none added": lambda service: (
        service["cap_drop"] == ["ALL"] and not service.get("cap_add")
    ),
    "no process gains privileges": lambda service: (
        "no-new-privileges:true" in service["security_opt"] and not service.get("privileged")
    ),
    "no namespace of the host or of a neighbor is shared": lambda service: (
        not {"pid", "ipc", "network_mode", "userns_mode"} & service.keys()
    ),
    "memory is limited": lambda service: 0 < int(service["mem_limit"]) <= 512 * 2**20,
    "processors are limited": lambda service: 0 < float(service["cpus"]) <= 1,
    "processes are limited": lambda service: 0 < int(service["pids_limit"]) <= 200,
    "the log rotates and says whose it is": lambda service: (
        service["logging"]["driver"] == "json-file"
        and service["logging"]["options"]
        == {"max-size": "50m", "max-file": "5", "labels": "com.docker.compose.service"}
    ),
    "there is a rhythm for the health check": lambda service: (
        {"interval", "timeout", "start_interval"} <= service["healthcheck"].keys()
        and not service["healthcheck"].get("disable")
    ),
    "it has time to stop": lambda service: bool(service["stop_grace_period"]),
    "the engine chooses its name": lambda service: "container_name" not in service,
    "the image is ours and never pulled": lambda service: service["pull_policy"] == "never",
    "ports are open to this machine only": lambda service: all(
        port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])
    ),
    "secrets come as files": lambda service: (
        not any(holds_secret(name) and name not in MEANT_TO_BE_FOUND for name in service.get("environment") or {})
    ),
    "the engine's socket stays outside": lambda service: (
        not any("docker.sock" in str(volume.get("source")) for volume in service.get("volumes", []))
    ),
}


def labelled(thing: dict[str, Any], variables: dict[str, str]) -> bool:
    """Whether a service, network or volume carries the kit's four labels."""
    expected = {
        KIT: KIT_NAME,
        SESSION: variables["WORKSHOP_SESSION"],
        OWNER: variables["WORKSHOP_OWNER"],
        SCOPE: "workspace",
    }
    return expected.items() <= (thing.get("labels") or {}).items()


def keeps(rule: Callable[[Service], bool], service: Service) -> bool:
    """Whether a service follows a rule; a missing key breaks it."""
    try:
        return rule(service)
    except KeyError:
        return False


@pytest.mark.parametrize("rule", RULES)
def test_every_service_keeps_the_rule(parsed: dict[str, Any], rule: str) -> None:
    """Each service of the stack keeps each rule of confinement."""
    assert [name for name, service in parsed["services"].items() if not keeps(RULES[rule], service)] == []


def test_everything_is_labelled(parsed: dict[str, Any], variables: dict[str, str]) -> None:
    """Everything that compose creates carries the labels of kit and workspace."""
    for kind in ("services", "networks", "volumes"):
        assert parsed[kind]
        assert [name for name, thing in parsed[kind].items() if not labelled(thing, variables)] == []


def test_profiles(parsed: dict[str, Any]) -> None:
    """Plain ``up`` leaves the monitoring, the store and the collector out."""
    profiles = {name: service.get("profiles") for name, service in parsed["services"].items()}
    assert {name for name, profile in profiles.items() if profile == ["monitoring"]} == set(monitoring.SERVICES)
    plain = {"service", "master-db", "replica-db", "redis"}
    assert {name for name, profile in profiles.items() if not profile} == plain


def test_every_image_is_complete(client: Any, parsed: dict[str, Any]) -> None:
    """Each image runs as a numeric user that is not root, has a health check, and starts without a shell.

    Only the collector is root, without capabilities: only root can read the engine's logs.
    """
    for name, service in parsed["services"].items():
        config = client.images.get(service["image"]).attrs["Config"]
        assert (name == "collector") == (config["User"] == "0:0"), name
        assert name == "collector" or re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", config["User"]), name
        assert config["Healthcheck"]["Test"][0] == "CMD", name
        assert config["Entrypoint"][0] not in {"sh", "/bin/sh", "bash"}, name
        assert config["Labels"]["org.opencontainers.image.title"], name
        assert config["Volumes"] is None, name


def test_only_the_service_is_published(parsed: dict[str, Any]) -> None:
    """The databases are reached over the stack's own network only."""
    published = [name for name, service in parsed["services"].items() if service.get("ports")]
    assert "service" in published
    assert not {"master-db", "replica-db", "redis"} & set(published)


def test_without_setup_it_says_what_to_do(root: Path, variables: dict[str, str]) -> None:
    """Before setup, compose names the missing variable and the command to run."""
    rest = {key: value for key, value in variables.items() if key != "WORKSHOP_SECRETS_DIR"}
    done = compose(root, rest, "config")
    assert done.returncode != 0
    assert "WORKSHOP_SECRETS_DIR" in done.stderr
    assert "run ./workshop setup first" in done.stderr
    asked = re.findall(r"\$\{(WORKSHOP_\w+)([^}]*)\}", (root / "compose.yaml").read_text())
    free = {"WORKSHOP_SERVICE_PORT", "WORKSHOP_CGROUP_V1"}
    assert all("?run ./workshop setup first" in rest for name, rest in asked if name not in free)


@pytest.fixture
def by_hand(root: Path, variables: dict[str, str]) -> Iterator[Callable[..., str]]:
    """Plain docker compose on a project that is gone after the test."""

    def run(*words: str) -> str:
        done = compose(root, variables, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    yield run
    run("--profile", "*", "down", "--volumes", "--timeout", "20")


def ready(by_hand: Callable[..., str], http: httpx.Client, timeout_seconds: float = 60) -> str:
    """Wait until the service is ready, which is more than healthy; return its URL."""
    url = f"http://{by_hand('port', 'service', '8080')}"
    deadline = time.monotonic() + timeout_seconds
    while (answer := http.get(f"{url}/readyz")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return url


def test_stack_comes_up_by_hand(
    by_hand: Callable[..., str], variables: dict[str, str], http: httpx.Client, client: Any
) -> None:
    """Plain compose brings up a stack that takes an order, keeps it in its volume, and leaves nothing behind."""
    by_hand("up", "--detach", "--wait")
    url = ready(by_hand, http)
    order = http.post(f"{url}/orders", json={"item": "tea", "quantity": 2})
    assert order.status_code == 201, order.text
    project = {"label": f"com.docker.compose.project={variables['COMPOSE_PROJECT_NAME']}"}
    by_hand("up", "--detach", "--wait", "--force-recreate", "--no-deps", "master-db")
    url = ready(by_hand, http)
    assert http.get(f"{url}{order.headers['Location']}").json() == order.json()
    by_hand("down", "--volumes")
    for kind in (client.containers, client.networks, client.volumes):
        assert kind.list(filters=project) == []
