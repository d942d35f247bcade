"""Images and containers with faults, the rules that must find these, and good ones that no rule may find fault with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workshop_kit.engine.client_containers import remove_container
from workshop_kit.engine.images import build_folder
from workshop_kit.engine.session import Session

PROGRAMS = Path(__file__).parent / "programs"
KEY_HEAD = "-----BEGIN " + "PRIVATE KEY-----"

# A base with labels, and two images on it: what is wrong in the one is right in the other.
LABELED = """
ARG BASE
FROM ${BASE}
LABEL org.opencontainers.image.title="base" org.opencontainers.image.source="https://example.org/base"
USER 10001:10001
CMD ["sh"]
"""
BAD_IMAGE = """
ARG BASE
FROM ${BASE}
USER root
ENV DB_PASSWORD=correct-horse-battery API_KEY=0123456789abcdef CACHE_URL=redis://app:correct-horse@redis/0
ARG DEPLOY_TOKEN=correct-horse-staple
RUN : one
RUN : two
EXPOSE 8080
COPY settings.env /srv/.env
COPY settings.env /srv/.env.production
RUN rm /srv/.env.production
COPY tls.txt /srv/tls.txt
COPY token.npmrc /srv/.npmrc
COPY settings.env /srv/.git/HEAD
RUN cp /bin/cat /usr/bin/gcc-14 && head -c 30000000 /dev/urandom > /srv/waste
RUN rm /srv/waste
LABEL org.opencontainers.image.title="" org.opencontainers.image.description=""
HEALTHCHECK NONE
"""
GOOD_IMAGE = """
ARG BASE
FROM ${BASE}
LABEL org.opencontainers.image.title="twin" org.opencontainers.image.source="https://example.org/twin"
ENV DB_PASSWORD_FILE=/run/secrets/db API_URL=http://api.example
ARG DEPLOY_TARGET=staging
RUN : one
RUN : two
COPY plain.npmrc /srv/.npmrc
COPY plain.env /srv/settings.env
CMD ["true"]
"""
BAD_IMAGE_RULES = {
    "config.no-secrets-in-environment",
    "config.no-secrets-in-history",
    "config.no-secret-files",
    "confinement.non-root",
    "build.no-compiler",
    "build.little-waste",
    "build.labels",
    "build.pinned",
    "monitoring.health-check",
}
# python4 asks for CAP_NET_RAW in its file's attributes: without it the kernel refuses to start the program.
PYTHON = """
ARG BASE
FROM ${BASE}
LABEL org.opencontainers.image.title="python" org.opencontainers.image.source="https://example.org/python"
ENV PORT=8080
COPY server.py probe.py /srv/
USER root
RUN mkdir -p /srv/data && chown 10001:10001 /srv/data && cp -L /usr/bin/python3 /usr/bin/python4 \\
    && python3 -c "import os, struct; os.setxattr('/usr/bin/python4', 'security.capability', \\
        struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0))"
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=2s CMD ["python3", "-I", "-S", "/srv/probe.py"]
ENTRYPOINT ["python3", "-u", "/srv/server.py"]
"""
SHELL = """
ARG BASE
FROM ${BASE}
LABEL org.opencontainers.image.title="shell" org.opencontainers.image.source="https://example.org/shell"
COPY --chmod=0755 loop.sh /srv/loop.sh
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=2s CMD test $(($(date +%s) - $(stat -c %Y /tmp/pulse))) -lt 3
ENTRYPOINT ["/srv/loop.sh"]
"""
# A compiled program and what it links with: no shell, no package, no other file.
BINARY = """
ARG BASE
FROM ${BASE} AS gathered
USER root
RUN mkdir -p /out/etc /out/tmp && chmod 1777 /out/tmp \\
    && for word in $(ldd /usr/local/bin/prometheus | grep -o '/[^ ]*'); do \\
        mkdir -p "/out$(dirname "$word")" && cp "$word" "/out$word"; done \\
    && cp /usr/local/bin/prometheus /usr/local/bin/promtool /out/ && echo 'scrape_configs: []' > /out/etc/prometheus.yml
FROM scratch
COPY --from=gathered /out /
LABEL org.opencontainers.image.title="binary" org.opencontainers.image.source="https://example.org/binary"
USER 10001:10001
EXPOSE 9090
HEALTHCHECK --interval=5s --timeout=2s CMD ["/promtool", "check", "healthy", "--url=http://127.0.0.1:9090"]
ENTRYPOINT ["/prometheus", "--config.file=/etc/prometheus.yml", "--storage.tsdb.path=/tmp/data", "--log.format=json"]
"""

BEHAVIOR: dict[str, tuple[dict[str, Any], str, set[str]]] = {
    # name: the settings of a container of PYTHON, the rules that are applied, and those that must find fault
    "answers and lines": (
        {
            "command": ["slow-probe,bad-metrics,wrong-code,log-file,no-level,two-programs,fixed-port,tells-secrets"],
            "healthcheck": {"test": ["CMD", "true"]},
        },
        "dynamic",
        {
            "monitoring.probes-fast",
            "monitoring.metrics-valid",
            "monitoring.health-truthful",
            "lifecycle.stops",
            "logs.to-streams",
            "logs.no-secrets",
            "config.from-environment",
            "build.single-concern",
        },
    ),
    "stop and restart": (
        {"command": ["deaf,plain-text,needs-its-database,lock-file"]},
        "dynamic",
        {"lifecycle.stops", "lifecycle.survives-a-kill", "logs.structured", "monitoring.liveness-alone"},
    ),
    "port and root": (
        {"command": ["silent,writes-at-start,local-only"]},
        "dynamic",
        {"logs.to-streams", "lifecycle.serves-a-port", "confinement.can-be-confined"},
    ),
    "capability": (
        {"entrypoint": ["python4", "-u", "/srv/server.py"]},
        "confinement.can-be-confined",
        {"confinement.can-be-confined"},
    ),
    "no level": ({"command": ["no-level"]}, "logs.structured", {"logs.structured"}),
    "start": ({"command": ["slow-start"]}, "lifecycle.starts-fast", {"lifecycle.starts-fast"}),
    "refusal": ({"command": ["needs-a-setting"], "environment": {"GREETING": "hi"}}, "config", {"config.fails-fast"}),
}

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
"""The settings of a container that no rule finds fault with."""
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    # name: the rule that must find fault, and what is changed in CONFINED
    "no memory limit": ("confinement.limits", {"mem_limit": None}),
    "no process limit": ("confinement.limits", {"pids_limit": None}),
    "no cpu limit": ("confinement.limits", {"nano_cpus": None}),
    "writable root": ("confinement.read-only", {"read_only": False}),
    "default capabilities": ("confinement.privileges", {"cap_drop": []}),
    "added capability": ("confinement.privileges", {"cap_add": ["SYS_ADMIN"]}),
    "privileged": ("confinement.privileges", {"privileged": True}),
    "new privileges": ("confinement.privileges", {"security_opt": []}),
    "engine socket": ("confinement.nothing-of-the-host", {"volumes": ["/var/run/docker.sock:/var/run/docker.sock:ro"]}),
    "run folder": ("confinement.nothing-of-the-host", {"volumes": ["/var/run:/h:ro"]}),
    "host network": ("confinement.nothing-of-the-host", {"network_mode": "host"}),
    "host processes": ("confinement.nothing-of-the-host", {"pid_mode": "host"}),
    "endless log": ("logs.rotation", {"log_config": {"type": "json-file", "config": {}}}),
    "lossy log": (
        "logs.rotation",
        {"log_config": {"type": "json-file", "config": {"max-size": "1m", "mode": "non-blocking"}}},
    ),
    "no log": ("logs.rotation", {"log_config": {"type": "none", "config": {}}}),
    "secret variable": ("config.no-secrets-in-environment", {"environment": {"DB_PASSWORD": "correct-horse-battery"}}),
    "root": ("confinement.non-root", {"user": "0"}),
}


def build(session: Session, folder: Path, tag: str, dockerfile: str, base: str, *words: str) -> str:
    """Build an image from PROGRAMS with these options of ``docker build``; return its tag, which is unique."""
    shutil.copytree(PROGRAMS, folder, dirs_exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "settings.env").write_text("A=1\nDB_PASSWORD=correct-horse-battery\n")
    (folder / "plain.env").write_text("# What is no secret: the names.\nDB_PASSWORD_FILE=/run/secrets/db\n")
    (folder / "token.npmrc").write_text("//registry.example/:_authToken=0123456789abcdef\n")
    (folder / "plain.npmrc").write_text("registry=https://registry.example/\n//registry.example/:_authToken=${TOKEN}\n")
    (folder / "tls.txt").write_text(f"{KEY_HEAD}\nMII\n")
    tag = tag.format(session=session.identity.workspace_id)
    build_folder(session, folder, tag, "--build-arg", f"BASE={base}", *words)
    return tag


@contextmanager
def created(session: Session, image: str, **settings: Any) -> Iterator[str]:
    """Create a container that is never started; yield the word by which an audit names it."""
    container = session.engine.client.containers.create(image, labels=session.labels("kernel"), **settings)
    try:
        yield f"container:{container.id}"
    finally:
        remove_container(session, container.id)
