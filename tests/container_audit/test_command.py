"""``./workshop audit``: exit codes, one document on stdout, one sentence for each error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workshop_kit.engine.labels import MAKER
from workshop_kit.engine.session import Session, _start_time
from workshop_kit.errors import Exit
from workshop_kit.patience import wait_for

pytestmark = pytest.mark.timeout(300)


def test_a_good_image_is_0_and_json_alone_is_on_stdout(
    root: Path, clean_environment: dict[str, str], images: dict[str, str], tmp_path: Path
) -> None:
    """The service's own image. The command needs no workspace, and leaves no file."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    places = {"PYTHONPATH": str(root), "TMPDIR": str(temporary), "WORKSHOP_WORKSPACE": "/no/such"}
    words = [sys.executable, "-P", "-m", "workshop_kit.cli", "audit", images["app"]]
    words += ["--only", "static", "--json"]
    environment = {**clean_environment, **places}
    process = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (process.returncode, json.loads(process.stdout)["holds"]) == (Exit.GOOD, True)
    assert [*tmp_path.iterdir(), *temporary.iterdir()] == [temporary]


@pytest.mark.long
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
