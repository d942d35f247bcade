"""The state of a container: health, privileges, its last log lines, and leaked secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from workshop_kit.observe.leaks import container_surfaces, find

PATIENCE_SECONDS = 60


def until(holds: Callable[[], bool], container: Any) -> None:
    """Poll until a condition holds; fail with the container's log."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, container.logs(tail=30).decode(errors="replace")
        time.sleep(0.1)


def leaks(secrets: Mapping[str, str], container: Any) -> list[dict[str, Any]]:
    """Find parts of these secrets in a container's inspect data, processes, log and volumes."""
    found: list[dict[str, Any]] = find(secrets, container_surfaces(container)).to_dict("records")
    return found


def run(container: Any, script: str, **environment: str) -> tuple[int, bytes]:
    """Run a shell script in a container; return its exit code and output."""
    result = container.exec_run(["sh", "-c", script], environment=environment)
    return result.exit_code, result.output


def health(container: Any) -> str:
    """Return the health status, or the status of a container that does not run."""
    container.reload()
    state = container.attrs["State"]
    return str(state["Health"]["Status"] if state["Running"] else state["Status"])


def wait_healthy(container: Any) -> None:
    """Return once a container is healthy; fail with its log if it stops, turns unhealthy or takes too long."""

    def healthy() -> bool:
        status = health(container)
        assert status in {"starting", "healthy"}, f"{status}: {container.logs(tail=20).decode(errors='replace')}"
        return status == "healthy"

    until(healthy, container)


def assert_confined(container: Any, user: int) -> None:
    """The first process runs as this user, without a capability, and cannot gain privileges."""
    lines = run(container, "cat /proc/1/status")[1].decode().splitlines()
    status = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
    assert set(status["Uid"].split()) == {str(user)}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def assert_refused(container: Any, words: str) -> None:
    """The container ends by itself with exit code 1, and its log is one sentence with these words."""
    code, log = int(container.wait(timeout=PATIENCE_SECONDS)["StatusCode"]), container.logs().decode()
    assert (code, log.count("\n")) == (1, 1), log
    assert words in log
