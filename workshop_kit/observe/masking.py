"""Recognize secrets by name or value, and mask them in texts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from workshop_kit.untrusted_text import visible

SHORTEST = 4
"""Shorter values are not searched in other texts: they would match by chance."""
TEXT_LENGTH = 300
CLIP_FACTOR = 20
"""A text is cut to this many times the shown length before the search: a log line may have megabytes."""

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
    """Return whether a variable of this name usually holds a secret; a path to one (NAME_FILE) does not.

    >>> is_secret_name("MASTER_DB_PASSWORD"), is_secret_name("MASTER_DB_PASSWORD_FILE"), is_secret_name("PWD")
    (True, False, False)
    """
    variable = name.replace("-", "_")
    if variable.upper() in _WORKING_FOLDER:
        return False
    return _NAME.search(variable) is not None


def secrets_among(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that look like secrets by name or value: name → secret."""
    secrets_by_name = {}
    for name, value in variables.items():
        if is_secret_name(name) and not _HARMLESS.fullmatch(value):
            secrets_by_name[name] = value
            continue
        for _, secret in secrets_in(value):
            secrets_by_name.setdefault(name, secret)

    return secrets_by_name


def secrets_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the values in a text that look like secrets: the kind, and the secret."""
    for kind, pattern in _VALUES.items():
        for match in pattern.finditer(text):
            yield kind, match["secret"]


def assigned_secrets(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and secret of each ``NAME=value`` and ``--name value`` with a secret's name.

    >>> list(assigned_secrets("RUN curl --password=hunter22 example.org"))
    [('password', 'hunter22')]
    """
    for pattern in _ASSIGNED:
        for match in pattern.finditer(text):
            secret = match["single"] or match["double"] or match["bare"]
            if is_secret_name(match["name"]) and not _HARMLESS.fullmatch(secret):
                yield match["name"], secret


_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z0-9]*(?:PASSWORD|TOKEN|SECRET|URL|DSN|PORT|HOST)\b")


def variable_names_in(text: str) -> list[str]:
    """Return the names in a message that look like environment variables.

    >>> variable_names_in("ERROR: missing MASTER_DB_HOST, PORT")
    ['MASTER_DB_HOST', 'PORT']
    """
    return list(dict.fromkeys(_VARIABLE.findall(text)))


class Mask:
    """Masks known secrets, and values that look like one, in every text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Mask these secrets from now on."""
        self._secrets.update([secret for secret in secrets if len(secret) >= SHORTEST])

    def __call__(self, text: str, limit: int = TEXT_LENGTH) -> str:
        """Return the text with secrets masked and control characters escaped."""
        text = text[: CLIP_FACTOR * limit]
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, replacement_of(secret))

        pairs = [*assigned_secrets(text), *secrets_in(text)]
        for _, secret in pairs:
            text = text.replace(secret, replacement_of(secret))
        return visible(" ".join(text.split()), limit)


def replacement_of(secret: str) -> str:
    """Return the replacement of a secret; a text that is such a replacement stays as it is.

    >>> replacement_of("hunter22")
    '[masked, 8 characters]'
    """
    if secret.startswith("[masked"):
        return secret
    return f"[masked, {len(secret)} characters]"
