"""The folder ``my_service/`` as a project: what a repository needs comes in, and what exercises left goes out.

What is replaced or removed is kept: see `history`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from workshop_kit.files import files_below
from workshop_kit.python_env import LOCK
from workshop_kit.workspace import content, history, repository, steps
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.history import Backup

README = "README.md"
FILES = Path(__file__).parent / "project_files"
ADDED = {
    ".github/workflows/my-service.yml": "workflow.yml",
    README: README,
}
"""Files that come with this module, by their names in the folder."""
FROM_LESSONS = ("audit.toml", "test_config.py")
"""Files of the lessons that a project needs, also where their cells were left out."""
LEFTOVERS = ("restoring.py", "start.sh")
"""Files that only exercises need: a later lesson replaced what they start or serve."""
REQUIREMENTS = "requirements.txt"
FOR_TESTS = "requirements-test.txt"
SERVICE_LOCK = "workshop_app/requirements.txt"
TEST_PACKAGES = ("colorama", "iniconfig", "packaging", "pluggy", "pygments", "pytest")
"""pytest, and what it needs."""
TEXT = (".py", ".sh", ".toml", ".yaml", ".yml", ".env", ".txt", "")
"""The endings of files that may name a leftover."""
COMMENT = re.compile(r"(?:^|\s)#.*")
LOCKED = re.compile(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)[^\n]*(?:\n    --hash=[^\n]*)+\n", re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """Makes ``my_service/`` of a workspace a project for a repository. ``root`` is the checkout."""

    workspace: Workspace
    root: Path

    def make(self) -> list[str]:
        """Make the folder a project, and return what was done, a sentence each.

        A second call does only what is left to do. A file that an earlier call wrote, and that was changed or deleted
        since, stays so. Raises NotReady if a file cannot be written.
        """
        with history.recorded(self.workspace, "take home") as backup:
            sentences = [
                _sentence("New: {}.", self._bring_files()),
                _sentence("Left out, since only exercises need them: {}.", self._remove_leftovers(backup)),
                _sentence("With hashes: {}.", self._lock_requirements(backup)),
            ]
        sentences += backup.sentences()
        return [sentence for sentence in sentences if sentence]

    def _bring_files(self) -> Iterator[str]:
        """Write the files that a repository needs, each once; yield the names of those that were written."""
        texts = {name: (FILES / file).read_text(encoding="utf-8") for name, file in ADDED.items()}
        texts[".gitignore"] = repository.GITIGNORE.read_text(encoding="utf-8")
        texts[FOR_TESTS] = self._test_requirements()
        for name, text in texts.items():
            if self._write_once(name, text):
                yield name

        files = steps.files_after(steps.load(self.root))
        for name in FROM_LESSONS:
            if self._write_once(name, files[f"{MY_SERVICE}/{name}"].text):
                yield name

    def _write_once(self, name: str, text: str) -> bool:
        """Write a file that does not exist and was never written before; return whether it was written."""
        path = f"{MY_SERVICE}/{name}"
        was_written = content.read_base(self.workspace, path) is not None
        if was_written or (self.workspace.folder / path).exists():
            return False

        content.replace_file(self.workspace, path, text)
        return True

    def _test_requirements(self) -> str:
        """Return the requirements of the tests, with versions and hashes, without those of the service."""
        locked_packages = _locked_packages((self.root / LOCK).read_text(encoding="utf-8"))
        test_lines = [package.lines for name, package in locked_packages.items() if name in TEST_PACKAGES]
        head = "# For `python -m pytest`, beside requirements.txt.\n"
        return head + "".join(test_lines)

    def _lock_requirements(self, backup: Backup) -> Iterator[str]:
        """Replace the service's requirements by the lock with hashes; yield the name of the changed file.

        Requirements that have hashes already, or that the lock does not have all of, stay.
        """
        path = f"{MY_SERVICE}/{REQUIREMENTS}"
        requirements = (content.read_current(self.workspace, path) or b"").decode(errors="replace")
        lock = (self.root / SERVICE_LOCK).read_text(encoding="utf-8")
        if "--hash=" in requirements or not _covers(_locked_packages(lock), requirements):
            return

        backup.keep(path)
        content.write(self.workspace, path, lock)
        yield REQUIREMENTS

    def _remove_leftovers(self, backup: Backup) -> Iterator[str]:
        """Remove files of exercises that no other file names; yield their names."""
        texts = self._texts()
        for name in LEFTOVERS:
            other_texts = [text for file, text in texts.items() if file not in (name, README)]
            word = re.escape(name.removesuffix(".py"))
            is_named = re.search(rf"\b{word}\b", "\n".join(other_texts)) is not None
            if name not in texts or is_named:
                continue

            path = f"{MY_SERVICE}/{name}"
            backup.keep(path)
            (self.workspace.folder / path).unlink()
            yield name

    def _texts(self) -> Mapping[str, str]:
        """Return the text files of the folder by their names; hidden files, secrets and subfolders are left out."""
        folder = self.workspace.my_service
        texts = {}
        for path in files_below(folder):
            name = path.relative_to(folder).as_posix()
            is_hidden = name[0] == "." and path.name != ".dockerignore"
            if "/" not in name and path.suffix in TEXT and not is_hidden:
                data = content.read_current(self.workspace, f"{MY_SERVICE}/{name}") or b""
                texts[name] = data.decode(errors="replace")
        return texts


class _LockedPackage(NamedTuple):
    """A package of a lock: its version, and its lines with hashes."""

    version: str
    lines: str


def _locked_packages(lock: str) -> dict[str, _LockedPackage]:
    """Return the packages of a lock, by name."""
    packages: dict[str, _LockedPackage] = {}
    for match in LOCKED.finditer(lock):
        name, version = match.groups()
        packages[name] = _LockedPackage(version, match[0])
    return packages


def _covers(locked_packages: Mapping[str, _LockedPackage], requirements: str) -> bool:
    """Return whether a lock has every package of the requirements, in a version that they allow.

    A line that is no requirement of a package (``-r more.txt``) is not covered.
    """
    for line in requirements.splitlines():
        text = COMMENT.sub("", line).strip()
        if text and not _covers_requirement(locked_packages, text):
            return False
    return True


def _covers_requirement(locked_packages: Mapping[str, _LockedPackage], text: str) -> bool:
    """Return whether a lock has the package of a requirement, such as ``starlette>=1``, in a version that it allows."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return False

    package = locked_packages.get(canonicalize_name(requirement.name))
    if package is None or requirement.url is not None:
        return False
    return requirement.specifier.contains(package.version, prereleases=True)


def _sentence(text: str, names: Iterable[str]) -> str:
    """Return the text with the names in place of ``{}``; "" if there are none."""
    name_list = ", ".join(names)
    return text.format(name_list) if name_list else ""
