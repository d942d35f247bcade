"""What notebook exercises are about: small things with seeded content, made fresh for one kernel."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from docker.errors import NotFound

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import log_subjects, metric_subjects

MB = 1_000_000
THINGS = ("customers", "invoices", "orders", "reports", "stock", "suppliers")


@dataclass(frozen=True)
class Layer:
    """One layer to be: what its history line says, and its files by path with their sizes in bytes."""

    instruction: str
    files: dict[str, int]


def image_with_a_past(session: Session, random: Random) -> str:
    """Load a small image of which a later layer deleted a big file that an earlier one brought; return its tag.

    It is made by hand, layer by layer, as the OCI image specification describes it: nothing is built.
    """
    big, small, other = random.sample(THINGS, 3)
    layers = [
        Layer("COPY base /", {"etc/os-release": 400, "usr/bin/service": random.randint(2, 3) * MB}),
        Layer(f"COPY {small}.csv /srv/data/", {f"srv/data/{small}.csv": random.randint(50, 400) * 1000}),
        Layer(f"COPY {big}.dump /srv/import/", {f"srv/import/{big}.dump": random.randint(5_000, 9_000) * 1000}),
        Layer(f"RUN import /srv/import/{big}.dump", {f"srv/data/{big}.db": random.randint(900, 1_800) * 1000}),
        Layer(f"RUN rm /srv/import/{big}.dump", {f"srv/import/.wh.{big}.dump": 0}),
        Layer(f"COPY {other}.csv /srv/data/", {f"srv/data/{other}.csv": random.randint(50, 400) * 1000}),
    ]
    tag = f"container-workshop/exercise:{secrets.token_hex(6)}"
    session.engine.client.images.load(_archive(layers, tag, session.labels("kernel")))
    session.record("image", str(session.engine.client.images.get(tag).id), tag, "kernel")
    return tag


def container_with_files(session: Session, image: str, random: Random) -> Running:
    """Start a container that has written files to its writable layer, a tmpfs and a volume of its own."""
    first, second, third, fourth = random.sample(THINGS, 4)
    write = [f"/srv/{first}.csv", f"/var/log/{second}.log", f"/tmp/{third}.cache", f"/data/{fourth}.db"]  # noqa: S108
    commands = " && ".join(f"echo {path} > {path}" for path in write)
    spec = Spec(
        image=image,
        command=("sh", "-c", f"{commands} && touch /tmp/.written && exec sleep 3600"),
        read_only=False,
        network="none",
        volumes=("/data",),
        memory_bytes=32 * 1024 * 1024,
    )
    running = containers.run(session, spec)
    running.wait_until(lambda: running.exec("test", "-e", "/tmp/.written").exit_code == 0, what="write its files")  # noqa: S108
    running.exec("rm", "/tmp/.written")  # noqa: S108
    return running


def _archive(layers: list[Layer], tag: str, labels: dict[str, str]) -> bytes:
    """An image as ``docker load`` takes it."""
    blobs = [_layer(layer.files) for layer in layers]
    config = {
        "architecture": "amd64",  # it holds no program, so that any machine may load it
        "os": "linux",
        "config": {"Labels": labels, "Cmd": ["nothing"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in blobs]},
        "history": [{"created": "2019-05-18T00:00:00Z", "created_by": layer.instruction} for layer in layers],
    }
    names = [f"layer{number}.tar" for number in range(len(blobs))]
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": names}]
    parts = dict(zip(names, blobs, strict=True))
    parts |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return _tar(parts)


def _layer(files: dict[str, int]) -> bytes:
    return _tar({path: bytes(size) for path, size in files.items()})


def _tar(parts: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), int(time.time())
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


@dataclass(frozen=True)
class Subject:
    """What an exercise in a notebook is about. ``names`` is what the check finds it by (``image``, ``container``)."""

    names: Mapping[str, str]
    running: Running | None = None

    def is_there(self, engine: Engine) -> bool:
        """Whether it still exists: a jump to another lesson takes along what kernels made."""
        try:
            if self.running is not None:
                engine.client.containers.get(self.running.id)
            if "image" in self.names:
                engine.client.images.get(self.names["image"])
        except NotFound:
            return False
        return True


def container_layer(stack: Stack, random: Random) -> Subject:
    """For ``container.layer``: an image with a past."""
    return Subject({"image": image_with_a_past(stack.session, random)})


def container_loss(stack: Stack, random: Random) -> Subject:
    """For ``container.loss``: a container that has written files."""
    running = container_with_files(stack.session, images.tags(stack.root)["base"], random)
    return Subject({"container": running.id}, running)


def logging_cause(stack: Stack, random: Random) -> Subject:
    """For ``logging.cause``: an incident that has just happened."""
    return Subject(*log_subjects.new_incident(stack, random))


def logging_parse(stack: Stack, random: Random) -> Subject:
    """For ``logging.parse``: a container that has written lines of every kind."""
    return Subject(*log_subjects.container_with_lines(stack, random))


def logging_percentiles(stack: Stack, random: Random) -> Subject:
    """For ``logging.percentiles``: the latest incident."""
    return Subject(*log_subjects.latest_incident(stack, random))


def monitoring_throttled(stack: Stack, random: Random) -> Subject:
    """For ``monitoring.throttled``: three containers at work."""
    return Subject(*metric_subjects.at_work(stack, random))


SUBJECTS: Mapping[str, Callable[[Stack, Random], Subject]] = {
    "container.layer": container_layer,
    "container.loss": container_loss,
    "logging.cause": logging_cause,
    "logging.parse": logging_parse,
    "logging.percentiles": logging_percentiles,
    "monitoring.throttled": monitoring_throttled,
}
