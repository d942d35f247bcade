"""The folder ``my_service/`` as a project: what a repository needs comes in, and what exercises left goes out.

The notebooks of the workspace keep the markers of exercises. What is replaced or removed goes to ``kept/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.files import files_below
from workshop_kit.python_env import LOCK
from workshop_kit.workspace import content, growth, naive_copy, regions, solutions
from workshop_kit.workspace.content import Backup
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import Workspace

FILES = Path(__file__).parent / "project_files"
ADDED = {
    ".gitignore": "gitignore",
    ".github/workflows/my-service.yml": "workflow.yml",
    "compose.official.yaml": "compose.official.yaml",
}
"""Files that come with this module, by their names in the folder."""
FROM_SOLUTIONS = (solutions.README, "audit.toml", "test_config.py")
"""Files of the lessons that a project needs, also where their cells were left out."""
LEFTOVERS = ("restoring.py", "start.sh")
"""Files of exercises; a lesson later replaced what they start or serve."""
REQUIREMENTS = "requirements.txt"
FOR_TESTS = "requirements-test.txt"
SERVICE_LOCK = "workshop_app/requirements.txt"
TEST_PACKAGES = ("colorama", "iniconfig", "packaging", "pluggy", "pygments", "pytest")
"""pytest, and what it needs."""
TEXT = (".py", ".sh", ".toml", ".yaml", ".yml", ".env", ".txt", "")
"""The endings of files that may name a leftover."""
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:==([^\s;\\]+))?", re.MULTILINE)
LOCKED = re.compile(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)[^\n]*(?:\n    --hash=[^\n]*)+\n", re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """``my_service/`` of a workspace, on its way to a repository. ``root`` is the checkout."""

    workspace: Workspace
    root: Path

    def make(self) -> list[str]:
        """Make it a project, and return what was done, a sentence each; a second call does only what is left.

        A file that was brought once and is changed or deleted stays so. Raises NotReady.
        """
        backup = Backup(self.workspace)
        naive_copy.put_all_back(self.workspace, self.root)
        sentences = [
            _sentence("New: {}.", self._bring_files()),
            _sentence("Left out, since only exercises need them: {}.", self._remove_leftovers(backup)),
            _sentence("With hashes: {}.", self._lock(backup)),
            _sentence("Without markers of exercises: {}.", self._remove_markers(backup)),
        ]
        if backup.folder is not None:
            sentences.append(f"As they were: {backup.folder.relative_to(self.workspace.folder).as_posix()}.")
        return [sentence for sentence in sentences if sentence]

    def _bring_files(self) -> Iterator[str]:
        """Write the files that a repository needs, each once; yield their names."""
        texts = {name: (FILES / file).read_text(encoding="utf-8") for name, file in ADDED.items()}
        texts[FOR_TESTS] = self._locked_tests()
        for name, text in texts.items():
            if self._bring(name, text):
                yield name

        for name in FROM_SOLUTIONS:
            source = solutions.source_of(self.root, f"{MY_SERVICE}/{name}")
            if source is None or source.path in growth.stages(self.workspace.folder):
                continue
            stage = source.stages[-1]
            content.replace_file(self.workspace, source.path, regions.solved(source.at(stage)))
            growth.record(self.workspace.folder, source.path, stage)
            yield name

    def _bring(self, name: str, text: str) -> bool:
        """Write a file that was never brought and is not there; return whether it was written."""
        path = f"{MY_SERVICE}/{name}"
        if content.remembered(self.workspace, path) is not None or (self.workspace.folder / path).exists():
            return False
        content.replace_file(self.workspace, path, text)
        return True

    def _locked_tests(self) -> str:
        """Return the lock of what the tests need beside the service."""
        locked = _entries((self.root / LOCK).read_text(encoding="utf-8"))
        lines = [text for name, (_, text) in locked.items() if name in TEST_PACKAGES]
        return "".join(["# For `python -m pytest`, beside requirements.txt.\n", *lines])

    def _remove_markers(self, backup: Backup) -> Iterator[str]:
        """Remove the lines that mark regions of exercises; yield the names of the changed files."""
        for name, text in self._texts().items():
            bare_text = regions.without_markers(text)
            if bare_text == text:
                continue
            backup.keep(f"{MY_SERVICE}/{name}")
            content.write(self.workspace, f"{MY_SERVICE}/{name}", bare_text)
            yield name

    def _lock(self, backup: Backup) -> Iterator[str]:
        """Replace the requirements by the lock with hashes, where that has all of them; yield the file's name."""
        path = f"{MY_SERVICE}/{REQUIREMENTS}"
        mine = (content.current(self.workspace, path) or b"").decode(errors="replace")
        lock = (self.root / SERVICE_LOCK).read_text(encoding="utf-8")
        if "--hash=" in mine or not _covers(_entries(lock), mine):
            return
        backup.keep(path)
        content.write(self.workspace, path, lock)
        yield REQUIREMENTS

    def _remove_leftovers(self, backup: Backup) -> Iterator[str]:
        """Remove files of exercises that no other file names; yield their names."""
        texts = self._texts()
        for name in LEFTOVERS:
            other_texts = [text for file, text in texts.items() if file not in (name, solutions.README)]
            word = re.escape(name.removesuffix(".py"))
            if name not in texts or re.search(rf"\b{word}\b", "\n".join(other_texts)):
                continue

            path = f"{MY_SERVICE}/{name}"
            backup.keep(path)
            (self.workspace.folder / path).unlink()
            growth.record(self.workspace.folder, path, None)
            self.workspace.note_removed(path)
            yield name

    def _texts(self) -> Mapping[str, str]:
        """Return the text files of the folder by their names, but for hidden ones and secrets."""
        folder = self.workspace.my_service
        texts = {}
        for path in files_below(folder):
            name = path.relative_to(folder).as_posix()
            is_hidden = name[0] == "." and path.name != ".dockerignore"
            if "/" not in name and path.suffix in TEXT and not is_hidden:
                data = content.current(self.workspace, f"{MY_SERVICE}/{name}") or b""
                texts[name] = data.decode(errors="replace")
        return texts


def _entries(lock: str) -> dict[str, tuple[str, str]]:
    """Return the packages of a lock: version, and lines with hashes, by name."""
    return {match[1]: (match[2], match[0]) for match in LOCKED.finditer(lock)}


def _covers(locked: Mapping[str, tuple[str, str]], requirements: str) -> bool:
    """Return whether a lock has every package of the requirements, in the version that they name."""
    for name, version in PIN.findall(requirements):
        normal_name = re.sub(r"[-_.]+", "-", name).lower()
        locked_version, _ = locked.get(normal_name, ("", ""))
        if not locked_version or version not in ("", locked_version):
            return False
    return True


def _sentence(text: str, names: Iterable[str]) -> str:
    """Return the sentence with these names; "" without any."""
    name_list = ", ".join(names)
    return text.format(name_list) if name_list else ""
