"""The zoo: images with one fault each and the rule that must find it; good ones that no rule may find fault with."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workshop_kit.engine import making
from workshop_kit.engine.session import Session

HERE = Path(__file__).parent / "zoo"
TAG = "workshop-zoo-{name}:0f1e2d3c4b5a"  # looks like a tag made from content
MARK = "-----BEGIN " + "PRIVATE KEY-----"
OWN = "USER 10001:10001"

# Everything in one layer, and nothing in it that could be found fault with.
GROUND = """
ARG BASE
FROM ${BASE} AS stripped
RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} + \\
    && rm -rf /var/lib/dpkg /usr/bin/apt* /usr/lib/apt /usr/bin/pip* && mkdir -p /srv/zoo && chown 10001:10001 /srv/zoo
FROM scratch
COPY --from=stripped / /
LABEL org.opencontainers.image.title="zoo" org.opencontainers.image.source="https://example.org/zoo"
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 10001:10001
"""
PYTHON = """
ARG GROUND
FROM ${GROUND}
ENV PORT=8080
COPY server.py probe.py /srv/
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=2s CMD ["python3", "-I", "-S", "/srv/probe.py"]
ENTRYPOINT ["python3", "-u", "/srv/server.py"]
"""
SHELL = """
ARG GROUND
FROM ${GROUND}
COPY --chmod=0755 loop.sh /srv/loop.sh
HEALTHCHECK --interval=5s --timeout=2s CMD test $(($(date +%s) - $(stat -c %Y /tmp/pulse))) -lt 3
ENTRYPOINT ["/srv/loop.sh"]
"""
# A compiled program and what it links with: no shell, no package, no other file.
BINARY = """
ARG GO
FROM ${GO} AS gathered
USER root
RUN mkdir -p /out/etc /out/tmp && chmod 1777 /out/tmp \\
    && for word in $(ldd /usr/local/bin/prometheus | grep -o '/[^ ]*'); do \\
        mkdir -p "/out$(dirname "$word")" && cp "$word" "/out$word"; done \\
    && cp /usr/local/bin/prometheus /usr/local/bin/promtool /out/ && echo 'scrape_configs: []' > /out/etc/prometheus.yml
FROM scratch
COPY --from=gathered /out /
LABEL org.opencontainers.image.title="binary" org.opencontainers.image.source="https://example.org/zoo"
USER 10001:10001
EXPOSE 9090
HEALTHCHECK --interval=5s --timeout=2s CMD ["/promtool", "check", "healthy", "--url=http://127.0.0.1:9090"]
ENTRYPOINT ["/prometheus", "--config.file=/etc/prometheus.yml", "--storage.tsdb.path=/tmp/data", "--log.format=json"]
"""


@dataclass(frozen=True)
class Animal:
    """One image: the lines that follow its ground, and the rule that must find its fault."""

    name: str
    rule: str
    lines: tuple[str, ...] = ()
    tag: str = TAG
    files: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False


def _does(fault: str, rule: str, *, slow: bool = False) -> Animal:
    """An image whose server misbehaves."""
    return Animal(fault, rule, (f'CMD ["{fault}"]',), slow=slow)


def _has(name: str, rule: str, *lines: str, files: Mapping[str, str] | None = None, tag: str = TAG) -> Animal:
    """An image in which something is that should not be, or something is missing."""
    return Animal(name, rule, lines, tag, files or {})


STATIC = (
    _has("secret-default", "config.no-secrets-in-image-environment", "ENV DB_PASSWORD=correct-horse-battery"),
    _has(
        "secret-in-address",
        "config.no-secrets-in-image-environment",
        "ENV CACHE_URL=redis://app:correct-horse@redis/0",
    ),
    _has("secret-argument", "config.no-secrets-in-history", "RUN : --token=correct-horse-battery"),
    _has(
        "environment-file",
        "config.no-environment-files",
        "COPY production.env /srv/.env",
        files={"production.env": "A=1\n"},
    ),
    _has(
        "deleted-environment-file",
        "config.no-environment-files",
        "COPY --chown=10001 production.env /srv/zoo/.env.production",
        "RUN rm /srv/zoo/.env.production",
        files={"production.env": "A=1\n"},
    ),
    _has("private-key", "config.no-private-keys", "COPY tls.txt /srv/tls.txt", files={"tls.txt": f"{MARK}\nMII\n"}),
    _has(
        "repository", "build.no-version-control", "COPY HEAD /srv/.git/HEAD", files={"HEAD": "ref: refs/heads/main\n"}
    ),
    _has(
        "setuid", "confinement.no-setuid-files", "USER root", "RUN cp /bin/cat /srv/peek && chmod 4755 /srv/peek", OWN
    ),
    _has("root", "confinement.non-root", "USER root"),
    _has("root-by-number", "confinement.non-root", "USER 0:0"),
    _has("compiler", "build.no-tools", "USER root", "RUN cp /bin/cat /usr/bin/gcc-14", OWN),
    _has("waste", "build.little-waste", "RUN head -c 30000000 /dev/urandom > /srv/zoo/big", "RUN rm /srv/zoo/big"),
    _has("no-labels", "build.labels", 'LABEL org.opencontainers.image.title="" org.opencontainers.image.source=""'),
    _has("latest", "build.pinned", tag="workshop-zoo-{name}:latest"),
    _has("no-health-check", "monitoring.health-defined", "HEALTHCHECK NONE"),
)
DYNAMIC = (
    _has("health-check-that-lies", "monitoring.health-truthful", "HEALTHCHECK CMD true"),
    _does("slow-probe", "monitoring.probes-fast"),
    _does("needs-its-database", "monitoring.liveness-alone"),
    _does("bad-metrics", "monitoring.metrics-valid"),
    _does("deaf", "lifecycle.stops-in-time"),
    _does("wrong-code", "lifecycle.exit-code"),
    _does("slow-start", "lifecycle.starts-fast", slow=True),
    _does("lock-file", "lifecycle.survives-a-kill"),
    _does("local-only", "lifecycle.serves-a-port"),
    _does("writes-at-start", "confinement.read-only-capable"),
    _has(
        "needs-a-capability",
        "confinement.needs-no-capabilities",
        "USER root",
        # the program's file asks for CAP_NET_RAW: without it the kernel refuses to start the program
        "RUN cp -L /usr/bin/python3 /usr/bin/python4",
        "RUN python3 -c \"import os, struct; os.setxattr('/usr/bin/python4', 'security.capability', "
        "struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0))\"",
        OWN,
        'ENTRYPOINT ["python4", "-u", "/srv/server.py"]',
    ),
    _does("plain-text", "logs.structured"),
    _does("no-level", "logs.time-and-level"),
    _does("log-file", "logs.no-files"),
    _does("silent", "logs.to-streams"),
    _does("tells-secrets", "logs.no-secrets"),
    _does("fixed-port", "config.from-environment"),
    _does("two-programs", "build.single-concern"),
)
NEEDS_A_SETTING = _does("needs-a-setting", "config.fails-fast")
"""Judged as a container that was given the setting."""

# Containers of the good image: created, never started.
CONFINED: dict[str, Any] = {
    "mem_limit": "64m",
    "nano_cpus": 1_000_000_000,
    "pids_limit": 50,
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "network_mode": "none",
    "log_config": {"type": "json-file", "config": {"max-size": "1m", "max-file": "2"}},
}
CONTAINERS: dict[str, tuple[str, dict[str, Any]]] = {
    "no-memory-limit": ("confinement.limits", {"mem_limit": None}),
    "no-process-limit": ("confinement.limits", {"pids_limit": None}),
    "no-cpu-limit": ("confinement.limits", {"nano_cpus": None}),
    "writable-root": ("confinement.read-only", {"read_only": False}),
    "default-capabilities": ("confinement.capabilities-dropped", {"cap_drop": []}),
    "added-capability": ("confinement.capabilities-dropped", {"cap_add": ["SYS_ADMIN"]}),
    "privileged": ("confinement.capabilities-dropped", {"privileged": True}),
    "new-privileges": ("confinement.no-new-privileges", {"security_opt": []}),
    "engine-socket": (
        "confinement.no-engine-socket",
        {"volumes": {"/var/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "ro"}}},
    ),
    "host-network": ("confinement.no-host-namespaces", {"network_mode": "host"}),
    "host-processes": ("confinement.no-host-namespaces", {"pid_mode": "host"}),
    "endless-log": ("logs.rotation", {"log_config": {"type": "json-file", "config": {}}}),
    "lossy-log": (
        "logs.rotation",
        {"log_config": {"type": "json-file", "config": {"max-size": "1m", "mode": "non-blocking"}}},
    ),
    "no-log": ("logs.rotation", {"log_config": {"type": "none", "config": {}}}),
    "secret-variable": ("config.no-secrets-in-inspect", {"environment": {"DB_PASSWORD": "correct-horse-battery"}}),
    "started-as-root": ("confinement.non-root", {"user": "0"}),
}


def build(session: Session, folder: Path, name: str, dockerfile: str, *words: str, tag: str = TAG, **files: str) -> str:
    """Build an image of the zoo, in a folder of its own; return its tag."""
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    for path, text in files.items():
        (folder / path).write_text(text)
    tag = tag.format(name=f"{name}-{session.who.session}")  # two runs of the tests do not share images
    making.image(session, folder, tag, *words)
    return tag


def build_animal(session: Session, folder: Path, animal: Animal, good: str) -> str:
    """Build an image with a fault on the good one."""
    dockerfile = "\n".join([f"FROM {good}", *animal.lines, ""])
    return build(session, folder, animal.name, dockerfile, tag=animal.tag, **animal.files)
