"""The lines of ``doctor`` about machines that these tests do not run on: only their kind is made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workshop_kit.commands import doctor
from workshop_kit.commands.doctor import DoctorLine, service_files, workspace_folder
from workshop_kit.engine import recipes
from workshop_kit.errors import NotReady
from workshop_kit.host import GIB, Machine

MAC = Machine("Darwin", "arm64")
WSL = Machine("Linux", "amd64", is_wsl=True)
LINUX = Machine("Linux", "amd64")


@pytest.fixture
def wsl(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine is WSL."""
    monkeypatch.setattr(doctor, "is_wsl", lambda: True)


def ignore(*_: object) -> None:
    """Do nothing, as chmod does on a disk of Windows."""


def test_a_folder_without_modes_is_fixable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the folder, what it means, and where to clone; nothing is made where there is no workspace yet."""
    workspace = tmp_path / "clone" / "workspace"
    workspace.parent.mkdir()
    assert workspace_folder(workspace) == DoctorLine("Folder", "good", "its files keep their modes")
    monkeypatch.setattr(Path, "chmod", ignore)
    line = workspace_folder(workspace)
    assert (line.state, line.command) == ("fixable", "cd ~   # clone on a disk of this machine")
    assert line.detail.startswith(f"{workspace.parent} ignores chmod (")
    assert not workspace.exists()


def test_files_of_a_strict_umask_are_fixable_and_opened(tmp_path: Path) -> None:
    """The service's image copies modes, and the database reads its schema as a user of its own."""
    folder = tmp_path / "workshop_app"
    folder.mkdir(mode=0o700)
    schema = folder / "schema.sql"
    schema.touch(mode=0o600)
    script = folder / "start.sh"
    script.touch(mode=0o750)
    line = service_files(tmp_path)
    assert (line.state, line.command) == ("fixable", "./workshop setup")
    assert line.detail.startswith("containers cannot read workshop_app")

    recipes.open_files(tmp_path)
    assert service_files(tmp_path).state == "good"
    modes = [oct(path.stat().st_mode & 0o777) for path in (folder, schema, script)]
    assert modes == ["0o755", "0o644", "0o754"]


def test_files_of_another_user_name_the_command_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """chmod is refused to all but the owner."""
    schema = tmp_path / "workshop_app" / "schema.sql"
    schema.parent.mkdir()
    schema.touch(mode=0o600)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(NotReady) as error:
        recipes.open_files(tmp_path)
    assert (error.value.what, "chmod -R a+rX" in error.value.next_step) == (f"Containers cannot read {schema}.", True)


def test_windows_gets_its_own_advice(wsl: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clone inside of WSL; .wslconfig has memory and processors, and what is too little of it is changed there."""
    lines = {line.name: line for line in list_until_engine()}
    assert "memory= and processors= in %UserProfile%\\.wslconfig" in lines["WSL2"].detail
    monkeypatch.setattr(doctor, "usable_bytes", lambda: 2 * GIB)
    monkeypatch.setattr(Path, "chmod", ignore)
    lines = {line.name: line for line in list_until_engine()}
    assert "memory=6GB below [wsl2] in %UserProfile%\\.wslconfig, then: wsl --shutdown" in lines["Memory"].command
    assert "inside of WSL" in workspace_folder(tmp_path).command


def list_until_engine() -> list[DoctorLine]:
    """What doctor finds before it looks for an engine."""
    lines = []
    for line in doctor.examine():
        lines.append(line)
        if line.name == "Folder":
            break
    return lines


def test_a_proxy_leads_to_its_part_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address, which may hold a password, is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:towel@proxy:3128")
    [line] = [line for line in list_until_engine() if line.name == "Proxy"]
    assert "HTTPS_PROXY" in line.detail
    assert line.detail.endswith(": docs/platforms.md#behind-a-companys-proxy")
    assert "towel" not in line.detail


@pytest.mark.parametrize("machine", [MAC, Machine("Darwin", "amd64"), WSL, LINUX])
def test_the_page_has_a_part_about_each_machine(machine: Machine, root: Path) -> None:
    """The line about the platform names it."""
    page, _, anchor = machine.page.partition("#")
    headings = re.findall(r"^## (.+)$", (root / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
