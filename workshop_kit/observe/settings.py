"""Three questions about the configuration of any container: is a secret in its image, do its settings come from
outside, is it one image everywhere?

Facts, not verdicts: exercises and audits decide what to make of them. What is read is what the engine says of running
containers and their images, nothing inside the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workshop_kit.engine.reach import Engine
from workshop_kit.observe import leaks, surfaces

# Words in a variable's name that say "my value is a secret"; `_FILE` behind it says that the value is only a path.
SECRET_NAME = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|PRIVATE_KEY|API_?KEY|ACCESS_KEY", re.I)
WHERE_SECRETS_BELONG = "/run/secrets/"


@dataclass(frozen=True)
class Setting:
    """One environment variable of a container, without its value: where it comes from and what it seems to be.

    ``source`` is ``image`` (baked in), ``outside`` (given at the start), or ``both`` (given, in place of what is
    baked in). ``secret`` is ``no``, ``value`` (the name says that the value is one) or ``file`` (a path to one).
    """

    name: str
    source: str
    secret: str


def settings(container: Any) -> list[Setting]:
    """Every environment variable that a container (the SDK's) was started with, by name."""
    container.reload()
    given, baked = environment(container.attrs), environment(container.image.attrs)
    return [
        Setting(name, _source(name, value, baked), secret_kind(name, value)) for name, value in sorted(given.items())
    ]


def environment(attributes: Mapping[str, Any]) -> dict[str, str]:
    """The environment in what ``docker inspect`` says of a container or of an image."""
    return dict(pair.partition("=")[::2] for pair in attributes["Config"].get("Env") or [])


def secret_kind(name: str, value: str) -> str:
    """Whether a variable seems to hold a secret: ``no``, ``value``, or ``file`` for the path of one.

    >>> secret_kind("DB_PASSWORD", "x"), secret_kind("DB_PASSWORD_FILE", "/run/secrets/x"), secret_kind("DB_HOST", "x")
    ('value', 'file', 'no')
    """
    if not SECRET_NAME.search(name) or not value:
        return "no"
    return "file" if name.upper().endswith("_FILE") or value.startswith(WHERE_SECRETS_BELONG) else "value"


def secrets_in_image(engine: Engine, tag: str, known: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Where an image holds a secret; empty if nowhere.

    Looked for are the secrets in ``known`` (by name; at least 12 characters each), and values that the image's own
    settings call secret. Columns as in `leaks.find`: surface, where, size_bytes, encoding, secret.
    """
    image = engine.client.images.get(tag)
    named = [name for name, value in environment(image.attrs).items() if secret_kind(name, value) == "value"]
    rows = [("image inspect", tag, 0, "plain", name) for name in named]
    columns = {"surface": "str", "where": "str", "size_bytes": "int64", "encoding": "str", "secret": "str"}
    by_name = pd.DataFrame(rows, columns=list(columns)).astype(columns)
    if not known:
        return by_name
    return pd.concat([by_name, leaks.find(known, surfaces.of_image(engine, tag))], ignore_index=True)


def images_of(containers: Mapping[str, Any]) -> pd.DataFrame:
    """Which image each container runs; columns: ``container`` and ``digest`` (the image's id, ``sha256:…``), both str.

    One digest everywhere is ``frame["digest"].nunique() == 1``; a tag proves nothing, it can be moved.
    """
    rows = [(name, str(container.attrs["Image"])) for name, container in containers.items()]
    return pd.DataFrame(rows, columns=["container", "digest"]).astype("str")


def differences(containers: Mapping[str, Any], *, hidden: Iterable[str] = ()) -> pd.DataFrame:
    """What differs between containers that should differ in their settings alone: one row a thing, one column each.

    Indexed by name: environment variables (values that seem secret, and those in ``hidden``, show as ``set``, ``-``
    where a container does not have one), then ``image``, ``command`` and ``user``. Only rows that differ are there.
    """
    columns = {name: _told(container.attrs, set(hidden)) for name, container in containers.items()}
    table = pd.DataFrame(columns).fillna("-").astype("str")
    return table[table.nunique(axis=1) > 1]


def _told(attributes: Mapping[str, Any], hidden: set[str]) -> dict[str, str]:
    shown = {
        name: "set" if name in hidden or secret_kind(name, value) == "value" else value
        for name, value in sorted(environment(attributes).items())
    }
    config = attributes["Config"]
    command = " ".join([*(config["Entrypoint"] or []), *(config["Cmd"] or [])])
    return shown | {"image": attributes["Image"], "command": command, "user": config["User"]}


def _source(name: str, value: str, baked: Mapping[str, str]) -> str:
    if name not in baked:
        return "outside"
    return "image" if baked[name] == value else "both"
