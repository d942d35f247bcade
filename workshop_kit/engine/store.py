"""The external store: parameters by path, secrets encrypted with a KMS key, and readers that see one path only.

A parameter's name is ``/workshop/<environment>/<group>/<name>``. The store is moto's emulation of AWS's Systems
Manager Parameter Store, in a container of the stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine.aws import REGION, Access, NotThere, explained
from workshop_kit.engine.stack import Stack
from workshop_kit.progress import Report, silent

SERVICE = "parameter-store"
PREFIX = "/workshop"
KEY_ALIAS = "alias/workshop"
ADMINISTRATOR = "AKIAWORKSHOPADMIN000"  # as in images/parameter_store: the id of a key is a name, no secret
AT_ONCE = 10  # AWS takes no more names in one request

Settings = Mapping[str, str | SecretStr]
"""Values by ``group/name``; a SecretStr becomes a SecureString."""
GROUPS = ("MASTER_DB", "REPLICA_DB", "REDIS", "HTTP", "HEALTH", "LOG")
PORT = "http/port"
DIFFERENCES: Mapping[str, Settings] = {
    "production": {PORT: "8080", "log/level": "info", "http/drain_seconds": "1"},
    "staging": {PORT: "8081", "log/level": "debug", "http/drain_seconds": "0"},
    "qa": {PORT: "8082", "log/level": "debug", "http/drain_seconds": "0", "master_db/sql_mode": "TRADITIONAL"},
}
"""What each environment has of its own; the rest is as in the stack."""


@dataclass(frozen=True)
class Parameter:
    """One parameter as it is in the store."""

    name: str
    value: str = field(repr=False)
    secret: bool


class Store:
    """A parameter store, as one user of it. Every method raises WorkshopError in one sentence, never with a value."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a boto3 client as this user, the same one each time."""
        if service not in self._clients:
            self._clients[service] = self.access.client(service)
        return self._clients[service]

    def read(self, names: Sequence[str]) -> dict[str, Parameter]:
        """Read parameters by name; all of them or none. Raises NotThere with every name that is missing."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, Parameter] = {}
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            with explained(self.access, f"read {some[0]}" + (f" and {len(some) - 1} more" if some[1:] else "")):
                answer = self.client("ssm").get_parameters(Names=some, WithDecryption=True)
            found |= {one["Name"]: _parameter(one) for one in answer["Parameters"]}
        if missing := [name for name in wanted if name not in found]:
            raise NotThere(*missing)
        return {name: found[name] for name in wanted}

    def get_by_path(self, path: str) -> dict[str, Parameter]:
        """Read everything below a path, sorted by name; empty if there is nothing. Raises NotAllowed."""
        found: list[Parameter] = []
        with explained(self.access, f"read what is below {path}"):
            pages = self.client("ssm").get_paginator("get_parameters_by_path")
            for page in pages.paginate(Path=path, Recursive=True, WithDecryption=True):
                found += map(_parameter, page["Parameters"])
        return {one.name: one for one in sorted(found, key=lambda one: one.name)}

    def put(self, name: str, value: str | SecretStr) -> None:
        """Make a parameter, or give it another value. A SecretStr becomes a SecureString."""
        secret = isinstance(value, SecretStr)
        kind = {"Type": "SecureString", "KeyId": self.find_key()} if secret else {"Type": "String"}
        with explained(self.access, f"write {name}"):
            self.client("ssm").put_parameter(Name=name, Value=_text(value), Overwrite=True, **kind)

    def find_key(self) -> str:
        """Return the ARN of the KMS key that the secrets are encrypted with; the key is created if absent."""
        kms = self.client("kms")
        with explained(self.access, f"find the key {KEY_ALIAS}"):
            for page in kms.get_paginator("list_aliases").paginate():
                for alias in page["Aliases"]:
                    if alias["AliasName"] == KEY_ALIAS and alias.get("TargetKeyId"):
                        return str(kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]["Arn"])
            created = kms.create_key(Description="encrypts the workshop's secrets")["KeyMetadata"]
            kms.create_alias(AliasName=KEY_ALIAS, TargetKeyId=created["KeyId"])
        return str(created["Arn"])

    def reader(self, environment: str) -> Store:
        """Create a user who may read one environment and nothing else; return the store as that user sees it."""
        return Store(self.access.new_user(f"{environment}-reader", reader_policy(environment, self.find_key())))


def reader_policy(environment: str, key_arn: str) -> dict[str, Any]:
    """Return the IAM policy for reading the parameters of one environment, and decrypting with one key."""
    account = key_arn.split(":")[4]
    path = f"arn:aws:ssm:{REGION}:{account}:parameter{PREFIX}/{environment}"
    reading = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": reading, "Resource": [path, f"{path}/*"]},
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn},
        ],
    }


def start(stack: Stack, report: Report = silent) -> Store:
    """Start the stack's parameter store if it is not running, and return it as its administrator. It may be empty."""
    stack.up(SERVICE, report=report)
    return connect(stack)


def connect(stack: Stack) -> Store:
    """Return the stack's parameter store as its administrator. Raises WorkshopError if it is not up."""
    key = (stack.folder / "secrets" / "parameter_store_key").read_text().strip()
    return Store(Access(stack.url(SERVICE), ADMINISTRATOR, key))


def seed(store: Store, environments: Mapping[str, Settings]) -> list[str]:
    """Write the settings of each environment into the store, as far as they differ; return the names written."""
    written = []
    for environment, settings in environments.items():
        there = store.get_by_path(f"{PREFIX}/{environment}")
        for name, value in settings.items():
            full = f"{PREFIX}/{environment}/{name}"
            known = there.get(full)
            if known is None or (known.value, known.secret) != (_text(value), isinstance(value, SecretStr)):
                store.put(full, value)
                written.append(full)
    return written


def settings_of(stack: Stack) -> dict[str, str | SecretStr]:
    """Return the settings of the stack's service, by ``group/name``; what it reads from files is secret."""
    found: dict[str, str | SecretStr] = {}
    for pair in stack.container("service").attrs["Config"]["Env"]:
        variable, _, value = pair.partition("=")
        plain = variable.removesuffix("_FILE")
        for group in GROUPS:
            if plain.startswith(f"{group}_"):
                name = f"{group}/{plain.removeprefix(f'{group}_')}".lower()
                secret = stack.folder / "secrets" / PurePosixPath(value).name
                found[name] = value if plain == variable else SecretStr(secret.read_text().removesuffix("\n"))
    return found


def settings_by_environment(stack: Stack) -> dict[str, dict[str, str | SecretStr]]:
    """Return the settings of production, staging and qa, ready to be seeded."""
    shared = settings_of(stack)
    return {environment: {**shared, **own} for environment, own in DIFFERENCES.items()}


def variable(name: str) -> str:
    """Return the environment variable of a parameter.

    >>> variable("master_db/sql_mode")
    'MASTER_DB_SQL_MODE'
    """
    return name.replace("/", "_").upper()


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _parameter(answer: Mapping[str, Any]) -> Parameter:
    return Parameter(answer["Name"], answer["Value"], answer["Type"] == "SecureString")
