"""What rules look at: one target, its image, its files and (for dynamic rules) the runs of its clones."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from docker.errors import APIError

from workshop_kit.audit.data import Evidence, Finding, Judged, Rule, Verdict, cannot_tell
from workshop_kit.audit.looked import Looked
from workshop_kit.audit.masking import Mask, secrets_among
from workshop_kit.audit.members import Member, TooLarge, members
from workshop_kit.audit.runs import Runs, variables
from workshop_kit.audit.shared_property import shared_property
from workshop_kit.audit.targets import Target
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError

SENTENCE_LENGTH = 600
TOO_BUSY = 5.0
MACHINE = "But {busy:.0f} programs wanted each core of this machine: try again when it is calmer."
SECRETS_FOLDER = "/run/secrets/"
SECRET_BYTES = 4096
SECRET_PIECES = 4  # of 2 MiB each


class Subject:
    """A target in the hands of the rules. ``runs`` is what clones of it did; None where nothing may be run (live).

    ``read`` keeps the files of images by their ids, for several targets of one image.
    """

    def __init__(
        self, session: Session, target: Target, runs: Runs | None, read: dict[str, list[Member]] | None = None
    ) -> None:
        self.session = session
        self._read: dict[str, list[Member]] = {} if read is None else read
        self.target = target
        self.runs = runs
        self.mask = Mask([*secrets_among(self.image_environment).values(), *secrets_among(self.environment).values()])
        self.mask.learn(*self.file_secrets.values())

    @property
    def image_environment(self) -> dict[str, str]:
        """The environment that the image brings."""
        return variables(self.target.image["Config"])

    @property
    def environment(self) -> dict[str, str]:
        """The environment it runs with: of a container its own, else the image's."""
        return variables(self.target.config)

    @shared_property
    def history(self) -> list[Mapping[str, Any]]:
        """The image's history as the engine tells it, oldest first."""
        return list(reversed(self._image.history()))

    @shared_property
    def file_secrets(self) -> dict[str, str]:
        """What the files in /run/secrets hold, by path: read so that it can be masked, and hunted for in the log."""
        mounts = (self.target.container or {}).get("Mounts") or ()
        paths = [mount["Destination"] for mount in mounts if mount["Destination"].startswith(SECRETS_FOLDER)]
        return {path: text for path in paths if (text := self._read_file(path).strip())}

    def _read_file(self, path: str) -> str:
        """The first 4 KiB of a file of the container's; nothing where it cannot be read."""
        assert self.target.container is not None  # noqa: S101 - only a container has mounts
        try:
            container = self.session.engine.client.containers.get(self.target.container["Id"])
            pieces, _ = container.get_archive(path)
            with tarfile.open(fileobj=io.BytesIO(b"".join(islice(pieces, SECRET_PIECES))), mode="r|") as archive:
                content = archive.extractfile(next(iter(archive)))
                return content.read(SECRET_BYTES).decode(errors="replace") if content else ""
        except (APIError, tarfile.TarError, StopIteration):
            return ""

    @property
    def files(self) -> list[Member]:
        """Every file of every layer, read once for all who share an image. Raises WorkshopError if it is too much."""
        image = self.target.image["Id"]
        if image not in self._read:
            try:
                self._read[image] = members(self._image)
            except TooLarge as large:
                raise WorkshopError(f"The image was not read: {large}.") from large
        return self._read[image]

    def need_runs(self) -> Runs:
        """What clones did. Raises WorkshopError where nothing may be run."""
        if self.runs is None:
            raise WorkshopError("It takes a clone to find that out.", "Leave --live out: then a clone of it is run.")
        return self.runs

    def need_looks(self) -> Runs | Looked:
        """What a clone did with its settings, or what is to be seen of a live container."""
        return self.runs or self._looked

    @shared_property
    def _looked(self) -> Looked:
        return Looked(self.session, self.target)

    @property
    def _image(self) -> Any:
        return self.session.engine.client.images.get(self.target.image["Id"])

    def judge(self, rule: Rule, judge: Callable[[Subject], Judged]) -> Finding:
        """Apply a rule. What it says comes back as it is (see `masked`); what it cannot find out is no verdict."""
        started = time.monotonic()
        try:
            judged = judge(self)
        except WorkshopError as unknown:
            judged = cannot_tell(str(unknown), *([Evidence("last lines", unknown.output)] if unknown.output else []))
        except (APIError, OSError) as refused:
            judged = cannot_tell(f"The engine did not let it be found out: {refused}.")
        if rule.timed and judged.verdict is Verdict.FAILS and (busy := how_busy()) > TOO_BUSY:
            judged = cannot_tell(f"{judged.said} {MACHINE.format(busy=busy)}", *judged.evidence)
        return Finding(rule, judged.verdict, judged.said, judged.evidence, time.monotonic() - started)

    def masked(self, finding: Finding) -> Finding:
        """The same, fit to be shown: without the secrets that were met until now."""
        evidence = tuple(Evidence(self.mask(one.ran), self.mask(one.saw)) for one in finding.evidence)
        return replace(finding, said=self.mask(finding.said, SENTENCE_LENGTH), evidence=evidence)


def how_busy() -> float:
    """Programs that want to run for each core of this machine, over the last minute; 1.0 is busy, and no more."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)
