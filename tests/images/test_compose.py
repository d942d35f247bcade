"""compose.yaml: rules that every service must keep, those that are added later too."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import own_stack
from workshop_kit.engine import monitoring
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import WITHOUT_START_INTERVAL

CONFINED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "pull_policy": "never",
    "logging": {
        "driver": "json-file",
        "options": {"max-size": "50m", "max-file": "5", "labels": "com.docker.compose.service"},
    },
}
FORBIDDEN = ("cap_add", "privileged", "pid", "ipc", "network_mode", "userns_mode", "container_name")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE|CREDENTIAL")
MEANT_TO_BE_FOUND = ("MARIADB_SHOP_PASSWORD", "REDIS_SHOP_PASSWORD", "MARIADB_RANDOM_ROOT_PASSWORD")
"""The password that lesson 02 finds in an image."""


@pytest.fixture(scope="module")
def variables(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that setup writes to .env, for a stack of this module's own; its images are built."""
    assert images
    with own_stack(tmp_path_factory.mktemp("by hand") / "workspace") as stack:
        yield stack.variables()


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
    process = compose(root, variables, "--profile", "*", "config", "--format", "json")
    assert process.returncode == 0, process.stderr
    parsed: dict[str, Any] = json.loads(process.stdout)
    return parsed


def test_every_service_is_confined(parsed: dict[str, Any]) -> None:
    """Privileges, resources, log, ports and secrets: each service of the stack keeps each rule."""
    for name, service in parsed["services"].items():
        assert {key: service.get(key) for key in CONFINED} == CONFINED, name
        assert [key for key in FORBIDDEN if service.get(key)] == [], name
        assert 0 < int(service["mem_limit"]) <= 512 * 2**20, name
        assert 0 < float(service["cpus"]) <= 1, name
        assert 0 < int(service["pids_limit"]) <= 200, name
        assert service["healthcheck"].keys() >= {"interval", "timeout", "start_interval"}, name
        assert service["stop_grace_period"], name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name
        secret_names = [variable for variable in service.get("environment") or {} if SECRET.search(variable)]
        shown = {variable for variable in secret_names if not variable.endswith("_FILE")}
        assert shown <= {*MEANT_TO_BE_FOUND}, name
        assert not any("docker.sock" in str(volume.get("source")) for volume in service.get("volumes", [])), name


def test_the_second_file_changes_health_checks_alone(
    root: Path, session: Session, variables: dict[str, str], parsed: dict[str, Any]
) -> None:
    """It takes away every start interval, and repeats the command of the image, without which Podman takes no limit."""
    words = ("--file", str(root / WITHOUT_START_INTERVAL), "--profile", "*", "config", "--format", "json")
    services = json.loads(compose(root, variables, *words).stdout)["services"]
    for name, service in parsed["services"].items():
        checks = {key: value for key, value in service["healthcheck"].items() if key != "start_interval"}
        image = session.engine.client.images.get(service["image"])
        checks["test"] = image.attrs["Config"]["Healthcheck"]["Test"]
        assert services[name] == {**service, "healthcheck": checks}, name


def test_plain_up_is_the_service_and_its_dependencies(parsed: dict[str, Any]) -> None:
    """It leaves monitoring, store and collector out; only the service is published, not the databases."""
    services = parsed["services"]
    watching = {name for name, service in services.items() if service.get("profiles") == ["monitoring"]}
    assert watching == set(monitoring.SERVICES)
    plain = {name: service for name, service in services.items() if not service.get("profiles")}
    assert plain.keys() == {"service", "master-db", "replica-db", "redis"}
    assert [name for name, service in plain.items() if service.get("ports")] == ["service"]


def test_without_setup_it_says_what_to_do(root: Path, variables: dict[str, str]) -> None:
    """Before setup, compose names the missing variable and the command to run."""
    remaining_variables = {key: value for key, value in variables.items() if key != "WORKSHOP_SECRETS_DIR"}
    process = compose(root, remaining_variables, "config")
    assert process.returncode != 0
    assert "WORKSHOP_SECRETS_DIR" in process.stderr
    assert "run ./workshop setup first" in process.stderr
