"""``./workshop audit`` as a process that is killed; test_exit_codes.py has the rest of the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workshop_kit.engine.labels import MAKER
from workshop_kit.engine.session import Session, _start_time
from workshop_kit.patience import wait_for

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def test_a_killed_audit_leaves_no_container(
    root: Path, session: Session, clean_environment: dict[str, str], images: dict[str, str]
) -> None:
    """The reaper removes everything that the audit made."""
    environment = {**clean_environment, "PYTHONPATH": str(root)}
    words = [sys.executable, "-P", "-m", "workshop_kit.cli", "audit", images["app"], "--only", "lifecycle"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        label = f"{MAKER}={process.pid}@{_start_time(process.pid)}"
        filters = {"label": label}
        list_containers = session.engine.client.containers.list
        assert wait_for(lambda: list_containers(all=True, filters=filters, ignore_removed=True), 60)
        process.kill()
    assert wait_for(lambda: not list_containers(all=True, filters=filters, ignore_removed=True), 60)
