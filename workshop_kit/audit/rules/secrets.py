"""Secrets where anybody can read them: the environment, the image's history, its files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workshop_kit.audit.data import Evidence, Judged, fails, holds
from workshop_kit.audit.subject import Subject
from workshop_kit.observe.layers import Member
from workshop_kit.observe.masking import assigned_secrets, masked, secrets_among, secrets_in

SHOWN = 5
READ = "docker image save, every layer"
_INSPECT = "docker inspect: Config.Env"

_SECRET_FILE = re.compile(
    r"(^|/)(\.netrc|\.pgpass|\.git-credentials|\.pypirc|\.htpasswd|\.aws/credentials|\.docker/config\.json|\.kube/config)$"
)
_KEY_NAME = re.compile(r"(^|/)(id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(key|p12|pfx|jks|keystore|ppk))$")
_KEY_HEAD = re.compile(rb"\s*(-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File|-----BEGIN PGP PRIVATE)")
_SETTINGS_FILE = re.compile(
    r"(^|/)(\.env(\.[\w-]+)?|[\w-]+\.env|[\w-]+\.tfvars|\.npmrc|\.yarnrc(\.yml)?|pip\.conf|\.condarc|gradle\.properties)$"
)
"""Settings of an environment or of a tool, which may hold a token or a password."""
_COMMENT = re.compile(r"^\s*[#;].*", re.MULTILINE)
_VERSION_CONTROL = re.compile(r"(^|/)\.(git|hg|svn)/")


def in_environment(subject: Subject) -> Judged:
    """The variables that the image brings and those given to the container, by their names and values."""
    image, given = subject.image_environment, subject.environment
    found = {**secrets_among(image), **secrets_among(given)}
    if not found:
        names = ", ".join(given) or "none"
        return holds(f"None of its {len(given)} variables looks like a secret.", Evidence(_INSPECT, names))
    evidence = []
    for name, secret in found.items():
        source = "from the image" if secrets_among(image).get(name) == secret else "given at start"
        evidence.append(Evidence(f"{_INSPECT}, {source}", f"{name}={masked(secret)}"))
    return fails(f"It shows {', '.join(found)}.", *evidence)


def in_history(subject: Subject) -> Judged:
    """Build arguments and commands, as ``docker history`` keeps them; one secret is told once."""
    steps: dict[str, list[tuple[int, str, str]]] = {}
    defaults = set(secrets_among(subject.image_environment).values())
    for number, step in enumerate(subject.history, 1):
        text = str(step.get("CreatedBy") or "")
        for secret, name in {secret: name for name, secret in _secrets(text)}.items():
            subject.mask.learn(secret)
            if not (text.startswith("ENV ") and secret in defaults):  # the environment's fault is another rule's
                steps.setdefault(secret, []).append((number, name, text))
    if not steps:
        seen = Evidence("docker history --no-trunc", "nothing")
        return holds(f"None of the {len(subject.history)} steps shows one.", seen)
    evidence = []
    for found in steps.values():
        number, name, text = found[0]
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        evidence.append(Evidence(f"docker history, step {number}{more}", f"{name}: {text}"))
    names = ", ".join(dict.fromkeys(found[0][1] for found in steps.values()))
    return fails(f"Its history shows what looks like a secret: {names}.", *evidence)


def in_files(subject: Subject) -> Judged:
    """Files of credentials and of version control by their names, settings and private keys by what is in them."""
    found = [one for one in subject.files if one.size_bytes and _is_secret(one)]
    if found:
        return fails(f"There is a file of secrets: {names_of(found)}.", *shown(found))
    count = f"{len(subject.files)} files"
    return holds(f"None of {count} looks like one of secrets.", Evidence(READ, count))


def names_of(found: list[Member]) -> str:
    """The first few paths, and how many more."""
    names = list(dict.fromkeys(f"/{one.path}" for one in found))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def shown(found: Iterable[Member]) -> list[Evidence]:
    """The first few files as evidence, each with the instruction that made it."""
    rows = list(found)
    evidence = [
        Evidence(f"{READ}: layer {one.layer + 1} {one.made_by}".rstrip(), _described(one)) for one in rows[:SHOWN]
    ]
    return evidence + ([Evidence(READ, f"{len(rows) - SHOWN} more")] if len(rows) > SHOWN else [])


def _secrets(text: str) -> list[tuple[str, str]]:
    return [*secrets_in(text), *assigned_secrets(text)]


def _is_secret(file: Member) -> bool:
    if _SETTINGS_FILE.search(file.path):
        return bool(_secrets(_COMMENT.sub("", file.head.decode(errors="replace"))))
    if _SECRET_FILE.search(file.path) or _VERSION_CONTROL.search(file.path):
        return True
    return bool(_KEY_HEAD.match(file.head) or (_KEY_NAME.search(file.path) and b"\0" in file.head))


def _described(file: Member) -> str:
    hidden = "" if file.visible else ", hidden by a later layer"
    return f"/{file.path}, {file.size_bytes} bytes, mode {file.mode & 0o7777:04o}{hidden}"
