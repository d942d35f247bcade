"""The participant's images: the SDK's collection, of one workspace, whose ``build`` uses BuildKit; see `builder`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docker.errors import APIError, BuildError, ImageNotFound
from docker.models.images import Image, ImageCollection

from workshop_kit.engine import builder, images
from workshop_kit.engine.labels import IMAGE_SESSION
from workshop_kit.engine.recipes import short_name
from workshop_kit.engine.session_client import SessionClient
from workshop_kit.reporting import Step

IDENTIFIER = re.compile(r"(sha256:)?[0-9a-f]{12,64}")


class Images(ImageCollection):  # type: ignore[misc]
    """The SDK's collection of images, of one workspace."""

    client: SessionClient

    def build(self, **arguments: Any) -> tuple[Image, Iterator[dict[str, str]]]:
        """Build the image of a folder with BuildKit, as ``docker build`` does, on this machine's BASE.

        See the SDK's ``build``. Raises docker's BuildError, whose notes have the last lines and, where known, the
        reason. Raises WrongUsage for arguments that BuildKit's command lacks (``fileobj``, ``squash`` …).
        """
        session = self.client.session
        typed_tag = arguments.get("tag")
        tag = self.client.names.versioned_tag(typed_tag) if typed_tag else None
        labels = session.image_labels("workspace", arguments.get("labels"))
        words = builder.build_command(session.engine.dialect, {**arguments, "tag": tag, "labels": labels})
        if tag:
            self._note_replaced(tag)

        try:
            image, log = self._build(typed_tag or "image", words)
        except BuildError as error:
            builder.add_notes(error)
            raise error from None

        self._remove_replaced()
        return image, iter(log)

    def get(self, name: str) -> Image:
        """Get an image by its id or name: one of this workspace first."""
        return super().get(self.real_name(name))

    def list(self, name: str | None = None, all: bool = False, filters: Mapping[str, Any] | None = None) -> list[Image]:
        """List this workspace's images. See the SDK's ``list``."""
        names = self.client.names
        real_name = names.real_tag(name) if name else None
        rows = self.client.api.images(name=real_name, all=all, filters=dict(filters or {}))

        prefixes = (names.image_prefix, f"{names.project}-")  # the second one is docker compose's
        own_images = []
        for row in rows:
            tags = map(short_name, row["RepoTags"] or ())
            if any(tag.startswith(prefixes) for tag in tags):
                own_images.append(super().get(row["Id"]))
        return own_images

    def real_name(self, name: str) -> str:
        """Return the engine's name of an image: of this workspace's image if there is one, else the name as typed.

        Raises ImageNotFound if the engine has neither.
        """
        if not IDENTIFIER.fullmatch(name):
            workspace_name = str(self.client.names.real_tag(name))
            with contextlib.suppress(ImageNotFound):
                super().get(workspace_name)
                return workspace_name

        super().get(name)
        return name

    def missing(self, name: str) -> str | None:
        """Return a sentence for an image that is absent, None for one that is there."""
        try:
            self.real_name(name)
        except ImageNotFound:
            own_names = self._own_names() or "none yet"
            return f"There is no image {name} here; this workspace has built {own_names}."
        return None

    def _own_names(self) -> str:
        """Return the names of this workspace's images as its participant typed them, separated by commas."""
        prefix = self.client.names.image_prefix
        tags = [tag for image in self.list() for tag in image.tags]
        return ", ".join(tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix))

    def _build(self, name: str, words: Sequence[str]) -> tuple[Image, Sequence[dict[str, str]]]:
        """Run a build command and report its progress on the image ``name``; return the image and the output."""
        report = self.client.report()

        def show(line: str) -> None:
            step = images.step(name, line)
            report(Step("Build", step.fraction, step.detail))

        try:
            identifiers, log = builder.run_build(words, self.client.session.engine.dialect, show)
        except BuildError:
            report(Step("Build", 1.0, f"{name} failed"))
            raise

        report(Step("Build", 1.0, f"of {name}", done=True))
        return self._get_first(identifiers), log

    def _get_first(self, identifiers: Sequence[str]) -> Image:
        """Return the image with the first of these ids that the engine knows. Raises ImageNotFound."""
        for identifier in identifiers[:-1]:
            with contextlib.suppress(ImageNotFound):
                return super().get(identifier)
        return super().get(identifiers[-1])

    def _note_replaced(self, tag: str) -> None:
        """Note the image that this workspace has built under a tag, which a build is about to take."""
        with contextlib.suppress(ImageNotFound):
            image = super().get(tag)
            if image.labels.get(IMAGE_SESSION) == self.client.session.identity.workspace_id:
                self.client.replaced_images.add(image.id)

    def _remove_replaced(self) -> None:
        """Remove the images whose tag a later build has taken; one that a container uses is tried again later."""
        for identifier in self.client.replaced_images:
            with contextlib.suppress(APIError):  # it is gone, or a container uses it
                if not super().get(identifier).tags:
                    self.client.api.remove_image(identifier)
