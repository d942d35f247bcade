"""Translate the arguments of the participant's client for the engine: names, ports, labels, build options."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workshop_kit.engine import builder
from workshop_kit.engine.reach import Engine

HERE = "127.0.0.1"
_FLAGS = {"nocache": "--no-cache", "pull": "--pull"}
_VALUES = {"target": "--target", "network_mode": "--network", "platform": "--platform"}
_IGNORED = {"rm", "forcerm", "quiet", "decode", "gzip", "encoding", "timeout", "use_config_proxy"}
"""Arguments of the SDK's ``images.build`` that change nothing for BuildKit."""


@dataclass(frozen=True)
class Names:
    """The names that things of one workspace have on its engine.

    >>> names = Names("workshop-1a2b3c4d")
    >>> names.thing("my-service"), names.image("my-service:1")
    ('workshop-1a2b3c4d-my-service', 'workshop-1a2b3c4d/my-service:1')
    """

    project: str

    def thing(self, name: str) -> str:
        """Return the real name of a container, network or volume."""
        return name if self._is_real(name) else f"{self.project}-{name}"

    def image(self, tag: str) -> str:
        """Return the real tag of an image; one that names a registry stays as it is."""
        registry, slash, _ = tag.partition("/")
        is_registry = bool(slash) and (registry == "localhost" or "." in registry or ":" in registry)
        return tag if is_registry or self._is_real(tag) else f"{self.project}/{tag}"

    def new_image(self, tag: str) -> str:
        """Return the real tag of an image to build, in full, as the engine lists it."""
        real = self.image(tag)
        return real if ":" in real.rpartition("/")[2] else f"{real}:latest"

    def container_candidates(self, name: str) -> list[str]:
        """Return the real names that a typed one may mean, in order: one's container, a service, the name itself."""
        return list(dict.fromkeys([self.thing(name), f"{self.thing(name)}-1", name]))

    def _is_real(self, name: str) -> bool:
        return name.startswith((f"{self.project}-", f"{self.project}/", f"{self.project}_"))


def labels_of(given: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """Return the SDK's ``labels``, which may be names alone, as a dictionary."""
    return dict(given) if isinstance(given, Mapping) else dict.fromkeys(given or (), "")


def on_this_machine(ports: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the SDK's ``ports``, with 127.0.0.1 wherever no address was given.

    >>> on_this_machine({"8080/tcp": None, 9090: 9090, 53: ("0.0.0.0", 5353)})
    {'8080/tcp': ('127.0.0.1', None), 9090: ('127.0.0.1', 9090), 53: ('0.0.0.0', 5353)}
    """
    return {
        port: [_bound(one) for one in binding] if isinstance(binding, list) else _bound(binding)
        for port, binding in ports.items()
    }


def _bound(binding: Any) -> Any:
    if isinstance(binding, dict):
        return {"HostIp": HERE, **binding}
    if isinstance(binding, tuple):
        return (HERE, *binding) if len(binding) == 1 and not isinstance(binding[0], str) else binding
    return (HERE, binding)


def build_words(engine: Engine, arguments: Mapping[str, Any]) -> list[str] | None:
    """Return the command for the SDK's ``build(…)``; None where it has no option for an argument."""
    given = {key: value for key, value in arguments.items() if value not in (None, False) and key not in _IGNORED}
    if not given.get("path"):
        return None
    path = given.pop("path")
    words = builder.command(engine, given.pop("tag", None), given.pop("labels", {}), given.pop("buildargs", {}))
    if file := given.pop("dockerfile", None):
        words += ["--file", os.path.join(path, file)]  # noqa: PTH118 - the path may be a repository's address
    words += [_FLAGS[key] for key in given.keys() & _FLAGS.keys()]
    words += [f"{_VALUES[key]}={given[key]}" for key in given.keys() & _VALUES.keys()]
    return None if given.keys() - _FLAGS.keys() - _VALUES.keys() else [*words, str(path)]
