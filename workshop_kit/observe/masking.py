"""Which names and values look like secrets, and how a text is shown without them. Pure."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping

from workshop_kit.screen import visible

SHORTEST = 4
"""Shorter values are masked where they stand, but not hunted for in other texts: they would be met by chance."""
TEXT_LENGTH = 300
CLIPPED = 20
"""So many times the length that is shown is looked at: a log line may have megabytes."""

_NAME = re.compile(
    r"(PASS(WORD|WD|PHRASE)?|PWD|SECRET|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY"
    r"|ENCRYPTION_?KEY|AUTH_?KEY|DSN)(_?\d+)?$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"(|true|false|yes|no|on|off|none|null|\d{1,5}|/[\w./-]*|\$\{?\w+\}?|<.*>|\*+|x+)", re.IGNORECASE
)
_WORKING_FOLDER = {"PWD", "OLDPWD"}
_VALUES = {
    "a password in an address": re.compile(
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:(?P<secret>[^\s/@'\"$]{3,})@", re.IGNORECASE
    ),
    "an AWS access key": re.compile(r"\b(?P<secret>(AKIA|ASIA)[0-9A-Z]{16})\b"),
    "a GitHub token": re.compile(r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})\b"),
    "a Slack token": re.compile(r"\b(?P<secret>xox[abprs]-[A-Za-z0-9-]{10,})"),
    "a signed token": re.compile(r"(?<![\w-])(?P<secret>eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})"),
    "a token of npm's": re.compile(r"\b_(authToken|auth|password) ?= ?\"?(?P<secret>[^\s\"${]{8,})"),
    "a private key": re.compile(r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----)"),
}
_VALUE = r"""(?:'(?P<single>[^']+)'|"(?P<double>[^"]+)"|(?P<bare>[^\s'";&|,}]+))"""
_ASSIGNED = (
    re.compile(rf"""(?<![\w$-])-{{0,2}}(?P<name>[A-Za-z][\w-]*)['"]?(?:=|:\s?){_VALUE}"""),
    re.compile(rf"""(?<![\w$-])--(?P<name>[A-Za-z][\w-]*)\s+(?!-){_VALUE}"""),
)


def is_secret_name(name: str) -> bool:
    """Whether a variable of that name usually holds a secret; the path of one (NAME_FILE) is none.

    >>> is_secret_name("MASTER_DB_PASSWORD"), is_secret_name("MASTER_DB_PASSWORD_FILE"), is_secret_name("PWD")
    (True, False, False)
    """
    name = name.replace("-", "_")
    return name.upper() not in _WORKING_FOLDER and _NAME.search(name) is not None


def secrets_among(variables: Mapping[str, str]) -> dict[str, str]:
    """Of environment variables those that look like secrets, by their name or their value: name → the secret."""
    found = {
        name: value for name, value in variables.items() if is_secret_name(name) and not _HARMLESS.fullmatch(value)
    }
    for name, value in variables.items():
        if name not in found and (secret := next((secret for _, secret in secrets_in(value)), "")):
            found[name] = secret
    return found


def secrets_in(text: str) -> Iterator[tuple[str, str]]:
    """Values in a text that look like secrets by themselves: what it is, and the secret."""
    for what, pattern in _VALUES.items():
        yield from ((what, match["secret"]) for match in pattern.finditer(text))


def assigned_secrets(text: str) -> Iterator[tuple[str, str]]:
    """``NAME=value`` and ``--name value`` in a command line, where the name is a secret's: the name, and the secret.

    >>> list(assigned_secrets("RUN curl --password=hunter22 example.org"))
    [('password', 'hunter22')]
    """
    for match in (match for pattern in _ASSIGNED for match in pattern.finditer(text)):
        secret = match["single"] or match["double"] or match["bare"]
        if is_secret_name(match["name"]) and not _HARMLESS.fullmatch(secret):
            yield match["name"], secret


_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z0-9]*(?:PASSWORD|TOKEN|SECRET|URL|DSN|PORT|HOST)\b")


def variables_named(text: str) -> list[str]:
    """Names in a message that are spelled as environment variables are.

    >>> variables_named("ERROR: missing MASTER_DB_HOST, PORT")
    ['MASTER_DB_HOST', 'PORT']
    """
    return list(dict.fromkeys(_VARIABLE.findall(text)))


class Mask:
    """Knows the secrets met so far, and takes them out of every text before it is shown."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Remember secrets: from now on they are masked wherever they stand."""
        with self._lock:
            self._secrets = self._secrets | {secret for secret in secrets if len(secret) >= SHORTEST}

    def __call__(self, text: str, limit: int = TEXT_LENGTH) -> str:
        """The text as it may be shown: without known secrets or what looks like one, control characters written out."""
        text = text[: CLIPPED * limit]
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, masked(secret))
        for _, secret in [*assigned_secrets(text), *secrets_in(text)]:
            text = text.replace(secret, masked(secret))
        return visible(" ".join(text.split()), limit)


def masked(secret: str) -> str:
    """What stands in a secret's place.

    >>> masked("hunter22")
    '[masked, 8 characters]'
    """
    return secret if secret.startswith("[masked") else f"[masked, {len(secret)} characters]"
