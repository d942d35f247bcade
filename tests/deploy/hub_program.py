"""What the hub makes of deploy/cluster/values.yaml: the pod of a seat, and which codes log in.

A program for an environment with JupyterHub and KubeSpawner. Arguments: the values, the secret, and names with codes,
each as NAME:CODE. Standard output: JSON with ``pod`` and ``opened``, the names of the codes that were right.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from kubernetes_asyncio.client import ApiClient  # type: ignore[import-not-found]
from kubespawner import KubeSpawner  # type: ignore[import-not-found]
from traitlets.config import Config


def spawner_config(values: dict[str, Any]) -> Config:
    """Return KubeSpawner's settings for the keys of ``singleuser``, as the chart's reference pairs them."""
    seat = values["singleuser"]
    storage = seat["storage"]
    spawner = {
        "image": f"{seat['image']['name']}:{seat['image']['tag']}",
        "cmd": seat["cmd"],
        "start_timeout": seat["startTimeout"],
        "uid": seat["uid"],
        "fs_gid": seat["fsGid"],
        "environment": seat["extraEnv"],
        "cpu_guarantee": seat["cpu"]["guarantee"],
        "cpu_limit": seat["cpu"]["limit"],
        "mem_guarantee": seat["memory"]["guarantee"],
        "mem_limit": seat["memory"]["limit"],
        "init_containers": seat["initContainers"],
        "volumes": storage["extraVolumes"],
        "volume_mounts": storage["extraVolumeMounts"],
        "node_selector": seat["nodeSelector"],
        "tolerations": seat["extraTolerations"],
        "extra_annotations": seat["extraAnnotations"],
        **values["hub"]["config"]["KubeSpawner"],
    }
    return Config(KubeSpawner=spawner)


async def pod_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return the pod that the hub would ask Kubernetes for."""
    manifest = await KubeSpawner(config=spawner_config(values), _mock=True).get_pod_manifest()
    async with ApiClient() as api:
        pod: dict[str, Any] = api.sanitize_for_serialization(manifest)
    return {"apiVersion": "v1", "kind": "Pod", **pod}


async def opened(values: dict[str, Any], secret: str, attempts: list[str]) -> list[str]:
    """Return the names that the hub lets in, of attempts written NAME:CODE."""
    config = Config()
    source = values["hub"]["extraConfig"]["seat_codes"]
    exec(source, {"c": config, "get_config": {"custom.seatSecret": secret}.__getitem__})
    authenticator = config.JupyterHub.authenticator_class()
    logins = [dict(zip(("username", "password"), attempt.split(":"), strict=True)) for attempt in attempts]
    answers = [await authenticator.authenticate(None, login) for login in logins]
    return [name for name in answers if name]


async def main() -> None:
    """Print the answer for the command line's values, secret and attempts."""
    file, secret, *attempts = sys.argv[1:]
    values = yaml.safe_load(Path(file).read_text())
    json.dump({"pod": await pod_of(values), "opened": await opened(values, secret, attempts)}, sys.stdout)


asyncio.run(main())
