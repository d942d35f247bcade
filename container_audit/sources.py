"""The files that a target is made from, as far as they are known: its Dockerfile, and its service in a compose file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from container_audit.compose_files import ComposeFile, ComposeService, read_compose_file
from container_audit.dockerfiles import Dockerfile, read_dockerfile
from container_audit.targets import Target
from workshop_kit.engine.labels import COMPOSE_PROJECT, COMPOSE_SERVICE
from workshop_kit.errors import WorkshopError, WrongUsage

if TYPE_CHECKING:
    from container_audit.findings import Rule

DOCKERFILES = ("Dockerfile", "Containerfile")
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
COMPOSE_CONFIG_FILES = "com.docker.compose.project.config_files"
FIRST_LINE = 1
SourceFile = ComposeFile | Dockerfile


@dataclass(frozen=True)
class Place:
    """A line of a file; ``uri`` is relative to the root of its repository."""

    uri: str
    line: int = FIRST_LINE


@dataclass(frozen=True)
class Sources:
    """The files of a target: None where one is not known. ``service`` is an entry of ``compose_file``."""

    dockerfile: Dockerfile | None = None
    compose_file: ComposeFile | None = None
    service: ComposeService | None = None

    def place_of(self, rule: Rule, sentence: str) -> Place | None:
        """Return the place that a finding of the rule is about; None if no file of the target is known.

        A key of the service comes first, then an instruction of the Dockerfile, then the name of the service.
        """
        key_place = self._key_place(rule)
        if key_place:
            return key_place

        if self.dockerfile and (rule.instructions or not self.compose_file):
            line = self.dockerfile.line_of(rule.instructions, sentence)
            return Place(relative_uri(self.dockerfile.path), line)
        if self.compose_file:
            line = self.service.line if self.service else self.compose_file.services_line
            return Place(relative_uri(self.compose_file.path), line)
        return None

    def _key_place(self, rule: Rule) -> Place | None:
        """Return the line of the first of the rule's keys that the service has; None if it has none of them."""
        if self.service is None or self.compose_file is None:
            return None
        for key in rule.compose_keys:
            if key in self.service.keys:
                return Place(relative_uri(self.compose_file.path), self.service.keys[key])
        return None


def require_readable(source: Path) -> None:
    """Raise WrongUsage if ``source``, a file or a folder, has no Dockerfile and no compose file that can be read."""
    paths = _files_at(source)
    if not paths:
        raise WrongUsage(f"There is no Dockerfile and no compose file at {source}.", "Name another file or folder.")

    for path in paths:
        try:
            _read(path)
        except WorkshopError as error:
            raise WrongUsage(error.what, "Name another file or folder.") from error


def locate(target: Target, source: Path | None = None) -> Sources:
    """Find the Dockerfile and the compose file of a target: at ``source``, else in the current folder.

    A file in the current folder has to fit the target: a compose file by the project of the container, a Dockerfile by
    its instructions.
    """
    named_files = list(_read_all(_files_at(source))) if source else []
    local_files = list(_read_all(_files_at(Path.cwd())))

    compose_file = _compose_file_of(target, named_files, local_files)
    service = _service_in(compose_file, target) if compose_file else None
    dockerfile = _dockerfile_of(target, service, named_files, local_files)
    return Sources(dockerfile, compose_file, service)


def _compose_file_of(
    target: Target, named_files: list[SourceFile], local_files: list[SourceFile]
) -> ComposeFile | None:
    """Return the first compose file that was named, else the first of this folder that has a service for the target."""
    for file in named_files:
        if isinstance(file, ComposeFile):
            return file
    for file in local_files:
        if isinstance(file, ComposeFile) and _has_container(file, target):
            return file
    return None


def _dockerfile_of(
    target: Target, service: ComposeService | None, named_files: list[SourceFile], local_files: list[SourceFile]
) -> Dockerfile | None:
    """Return the Dockerfile that was named, else that of the service, else one of this folder that fits the image."""
    dockerfiles = [file for file in named_files if isinstance(file, Dockerfile)]
    if not dockerfiles and service and service.dockerfile:
        files_of_service = _read_all([service.dockerfile])
        dockerfiles = [file for file in files_of_service if isinstance(file, Dockerfile)]
    if not dockerfiles:
        config = target.image["Config"]
        candidates = [file for file in local_files if isinstance(file, Dockerfile)]
        dockerfiles = [file for file in candidates if file.may_make(config)]
    return dockerfiles[0] if dockerfiles else None


def relative_uri(path: Path) -> str:
    """Return the URI of a file relative to its git repository, as code hosts require it.

    Without git it is relative to the current folder, or to the file's own folder if it lies elsewhere.
    """
    file = path.resolve()
    current_folder = Path.cwd().resolve()
    repositories = [folder for folder in file.parents if (folder / ".git").exists()]

    root = file.parent
    if repositories:
        root = repositories[0]
    elif file.is_relative_to(current_folder):
        root = current_folder
    return quote(file.relative_to(root).as_posix())


def _files_at(source: Path) -> list[Path]:
    """Return ``source`` if it is a file, the compose files and Dockerfiles in it if it is a folder."""
    if source.is_dir():
        candidates = [source / name for name in (*COMPOSE_FILES, *DOCKERFILES)]
        return [path for path in candidates if path.is_file()]
    return [source] if source.exists() else []


def _read(path: Path) -> SourceFile:
    """Read a compose file if the name is one of YAML, else a Dockerfile. Raises as the two readers do."""
    if path.suffix in {".yaml", ".yml"}:
        return read_compose_file(path)
    return read_dockerfile(path)


def _read_all(paths: list[Path]) -> Iterator[SourceFile]:
    """Yield the parsed files, without those that cannot be read."""
    for path in paths:
        with contextlib.suppress(WorkshopError, FileNotFoundError):
            yield _read(path)


def _has_container(compose_file: ComposeFile, target: Target) -> bool:
    """Return whether the target is a container of a service of the compose file, in the file's project."""
    labels = _container_labels(target)
    config_files = labels.get(COMPOSE_CONFIG_FILES, "").split(",")
    has_its_name = labels.get(COMPOSE_PROJECT) == compose_file.project
    has_its_path = str(compose_file.path.resolve()) in config_files
    if not has_its_name and not has_its_path:
        return False
    return labels.get(COMPOSE_SERVICE) in compose_file.services


def _service_in(compose_file: ComposeFile, target: Target) -> ComposeService | None:
    """Return the service of a container, or the one that runs an image."""
    name = _container_labels(target).get(COMPOSE_SERVICE, "")
    service = compose_file.services.get(name)
    if service:
        return service

    for candidate in compose_file.services.values():
        if candidate.image == target.image_name:
            return candidate
    return None


def _container_labels(target: Target) -> dict[str, str]:
    """Return the labels of a container; none for an image, whose labels name no service of compose."""
    if not target.container:
        return {}
    return dict(target.config.get("Labels") or {})
