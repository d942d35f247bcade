"""The participant's images: the SDK's collection, whose ``build`` uses BuildKit; explain a build that failed.

The SDK itself uses the classic builder, which has neither build secrets nor BuildKit's cache.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docker.errors import APIError, BuildError, ImageNotFound
from docker.models.images import Image, ImageCollection

from workshop_kit.engine import images, shell
from workshop_kit.engine.dialect import Dialect
from workshop_kit.engine.labels import labels_of
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import PYTHON_ALIAS, short_name, wheels
from workshop_kit.errors import NotReady
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Step
from workshop_kit.untrusted_text import visible

SHOWN_LINES = 12
"""The number of the builder's last lines that are shown below a BuildError."""
IDENTIFIER = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
_FLAGS = {"nocache": "--no-cache", "pull": "--pull"}
_VALUES = {"target": "--target", "network_mode": "--network", "platform": "--platform"}
_IGNORED = {"rm", "forcerm", "quiet", "decode", "gzip", "encoding", "timeout", "use_config_proxy"}
"""Arguments of the SDK's ``images.build`` that change nothing for BuildKit."""
# As BuildKit, and as the classic builder, name an image that no registry gave them.
_IMAGE = re.compile(
    r"(?:failed to resolve source metadata for|resolve image config for|pull access denied for|manifest for) "
    r"(?:docker-image://)?([^\s,]+?)(?:: |,| not found|\s|$)"
)
_FRONTEND = re.compile(r"resolve image config for (?:docker-image://)?(\S+)|#\s*syntax\s*=\s*(\S+)")
_REQUIREMENT = re.compile(r"Could not find a version that satisfies the requirement ([\w.-]+)(\S*)")


class Images(ImageCollection):  # type: ignore[misc]
    """The SDK's collection of images, of one workspace."""

    client: Any  # the WorkspaceClient, which imports this module

    def build(self, **arguments: Any) -> tuple[Image, Iterator[dict[str, str]]]:
        """Build an image with BuildKit, as ``docker build`` does. See the SDK's ``build``.

        The classic builder is used for arguments that BuildKit's command lacks (``fileobj``, ``squash`` …), and on an
        engine without BuildKit. Raises docker's BuildError; its notes have the last lines and, where known, the reason.
        """
        session = self.client.session
        typed_tag = arguments.get("tag")
        tag = self.client.names.new_image(typed_tag) if typed_tag else None
        # Not the session's labels, which name the maker: an unchanged image would get a new id in each process.
        labels = {**labels_of(arguments.get("labels")), **session.identity.labels("workspace")}
        try:
            image, log = self._build(typed_tag or "image", {**arguments, "tag": tag, "labels": labels})
        except BuildError as error:
            raise _explained(error) from None

        session.record("image", image.id, tag or image.id, "workspace")
        if tag:
            self._remove_earlier(tag, image.id)
        return image, log

    def get(self, name: str) -> Image:
        """Get an image by its id or name: one of this workspace first."""
        return super().get(self.real_name(name))

    def list(self, name: str | None = None, all: bool = False, filters: Mapping[str, Any] | None = None) -> list[Image]:
        """List this workspace's images. See the SDK's ``list``."""
        names = self.client.names
        real_name = names.image(name) if name else None
        rows = self.client.api.images(name=real_name, all=all, filters=dict(filters or {}))

        prefixes = (names.image_prefix, f"{names.project}-")  # the second one is docker compose's
        own_images = []
        for row in rows:
            tags = map(short_name, row["RepoTags"] or ())
            if any(tag.startswith(prefixes) for tag in tags):
                own_images.append(super().get(row["Id"]))
        return own_images

    def real_name(self, name: str) -> str:
        """Return the name that the engine has for a typed one. Raises ImageNotFound where it has none."""
        if not IDENTIFIER.fullmatch(name):
            real = str(self.client.names.image(name))
            with contextlib.suppress(ImageNotFound):
                super().get(real)
                return real
        super().get(name)
        return name

    def missing(self, name: str) -> str | None:
        """Return a sentence for an image that is absent, None for one that is there."""
        try:
            self.real_name(name)
        except ImageNotFound:
            prefix = self.client.names.image_prefix
            tags = [tag for image in self.list() for tag in image.tags]
            names = ", ".join(tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix))
            return f"There is no image {name} here; this workspace has built {names or 'none yet'}."
        return None

    def _build(self, name: str, arguments: dict[str, Any]) -> tuple[Image, Iterator[dict[str, str]]]:
        engine = self.client.session.engine
        words = _command(engine, arguments)
        if words is None or not images.can_build(engine):
            return self._build_classic(arguments)

        report = self.client.report()

        def show(line: str) -> None:
            step = images.step(name, line)
            report(Step("Build", step.fraction, step.detail))

        try:
            identifiers, log = _run(words, engine.dialect, show)
        except BuildError:
            report(Step("Build", 1.0, f"{name} failed"))
            raise

        report(Step("Build", 1.0, f"of {name}", done=True))
        return self._get_first(identifiers), iter(log)

    def _build_classic(self, arguments: Mapping[str, Any]) -> tuple[Image, Iterator[dict[str, str]]]:
        """Build an image as the SDK does, which takes a path as text alone."""
        options: dict[str, Any] = {"rm": True, **arguments}
        if options.get("path"):
            options["path"] = str(options["path"])
        return super().build(**options)  # type: ignore[no-any-return]

    def _get_first(self, identifiers: Sequence[str]) -> Image:
        """Return the image with the first of these ids that the engine knows. Raises ImageNotFound."""
        for identifier in identifiers[:-1]:
            with contextlib.suppress(ImageNotFound):
                return super().get(identifier)
        return super().get(identifiers[-1])

    def _remove_earlier(self, tag: str, identifier: str) -> None:
        """Remove what this workspace built under a tag before, unless it has another name or a container."""
        session = self.client.session
        for entry in session.ledger.entries():
            if entry.kind != "image" or entry.name != tag or entry.id == identifier:
                continue

            try:
                if super().get(entry.id).tags:
                    continue
                self.client.api.remove_image(entry.id)
            except ImageNotFound:
                pass
            except APIError:  # a container uses it
                continue

            session.ledger.remove(entry)


def _command(engine: Engine, arguments: Mapping[str, Any]) -> list[str] | None:
    """Return the command for the SDK's ``build(…)``; None where it has no option for an argument."""
    options = {key: value for key, value in arguments.items() if _is_option(key, value)}
    if not options.get("path"):
        return None

    path = options.pop("path")
    words = images.command(engine, options.pop("tag", None), options.pop("labels", {}))
    words += [f"--build-arg={key}={value}" for key, value in options.pop("buildargs", {}).items()]
    if file := options.pop("dockerfile", None):
        words += ["--file", os.path.join(path, file)]  # noqa: PTH118 - the path may be a repository's address

    if options.keys() - _FLAGS.keys() - _VALUES.keys():
        return None
    words += [_FLAGS[key] for key in options.keys() & _FLAGS.keys()]
    words += [f"{_VALUES[key]}={options[key]}" for key in options.keys() & _VALUES.keys()]
    return [*words, str(path)]


def _is_option(key: str, value: Any) -> bool:
    return value not in (None, False) and key not in _IGNORED


def _run(words: list[str], dialect: Dialect, on_line: Callable[[str], None]) -> tuple[list[str], list[dict[str, str]]]:
    """Run such a command; return the ids that the image may have, and the builder's lines as the SDK gives them.

    Raises docker's BuildError, with those lines as its ``build_log`` and the builder's last ``ERROR:`` as its reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result")
        command = [*words[:-1], f"{dialect.result_option}={result}", words[-1]]
        log = []
        try:
            with shell.running(command) as process:
                for line in process.stdout or []:
                    log.append({"stream": line})
                    if text := line.strip():
                        on_line(text)
        except FileNotFoundError as missing:
            raise NotReady(f"The {words[0]} command is not installed.", "Run ./workshop setup.") from missing

        if process.returncode != 0:
            raise BuildError(_reason(log), log)
        return dialect.built_ids(result.read_text()), log


def _reason(log: list[dict[str, str]]) -> str:
    lines = [line["stream"].strip() for line in log]
    errors = [line.partition(": ")[2] for line in lines if line.startswith(("ERROR: ", "Error: "))]
    if errors:
        return errors[-1]
    return next((line for line in reversed(lines) if line), "the builder said nothing")


def _explained(error: BuildError) -> BuildError:
    """Return the error, with the builder's last lines and, where known, the reason as notes."""
    error.build_log = list(error.build_log)
    output = "".join(line.get("stream") or line.get("error") or "" for line in error.build_log)
    last_lines = output.splitlines()[-SHOWN_LINES:]

    error.add_note("\n".join(map(visible, last_lines)))
    if sentence := explain_build_error(output):
        error.add_note(sentence)
    return error


def explain_build_error(output: str) -> str | None:
    """Explain the output of a build that needed a registry: its text → one sentence.

    Known are an image, a ``# syntax=`` line, and a package that is not among the wheels; None for all other failures.
    """
    if requirement := _REQUIREMENT.search(output):
        return _no_wheel(requirement[1], requirement[2])
    if missing_image := _IMAGE.search(output):
        return _no_image(short_name(missing_image[1]), output)
    return None


def _no_image(image: str, output: str) -> str:
    """Explain that no registry gave an image, which the Dockerfile builds on or names as its ``# syntax=``."""
    frontend = _FRONTEND.search(output)
    if frontend and short_name(frontend[1] or frontend[2]) == image:
        return (
            f"`# syntax={image}` needs {image} from a registry, which did not give it: delete that line, "
            "the engine's own builder reads this Dockerfile."
        )
    if image == PYTHON_ALIAS:
        return f"The image {PYTHON_ALIAS} is not on this engine: run ./workshop setup, which builds it."
    return f"{image} is not on this engine and no registry gave it: build on {PYTHON_ALIAS}, which is here."


def _no_wheel(name: str, version: str) -> str:
    versions = wheels(CHECKOUT)
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in versions:
        return (
            f"There is no wheel of {name}{version} in {PYTHON_ALIAS}: it has {key} {versions[key]}; "
            "ask for that version."
        )

    packages = ", ".join(f"{package} {versions[package]}" for package in sorted(versions))
    return f"There is no wheel of {name} in {PYTHON_ALIAS}, and pip asks no registry; it has {packages}."
