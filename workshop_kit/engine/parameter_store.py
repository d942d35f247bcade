"""The external store: the parameters in the stack's emulator of AWS.

A parameter's name is ``/workshop/<environment>/<group>/<name>``; secrets are encrypted with a KMS key.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine.aws import REGION, Access, translate_errors
from workshop_kit.engine.stack import Stack
from workshop_kit.reporting import Report, silent

SERVICE = "parameter-store"
PREFIX = "/workshop"
KEY_ALIAS = "alias/workshop"
ADMINISTRATOR = "AKIAWORKSHOPADMIN000"  # as in images/parameter_store: the id of a key is a name, no secret

Settings = Mapping[str, str | SecretStr]
"""Values by ``group/name``; a SecretStr becomes a SecureString."""
GROUPS = ("MASTER_DB", "REPLICA_DB", "REDIS", "HTTP", "HEALTH", "LOG")
DIFFERENCES: Mapping[str, Settings] = {
    "production": {"log/level": "info"},
    "staging": {"log/level": "debug"},
    "qa": {"log/level": "debug", "master_db/sql_mode": "TRADITIONAL"},
}
"""The settings in which each environment differs from the stack."""


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

    def get_by_path(self, path: str) -> dict[str, Parameter]:
        """Read everything below a path, by name; empty if there is nothing."""
        with translate_errors(self.access, f"read what is below {path}"):
            listing = self.client("ssm").get_paginator("get_parameters_by_path")
            pages = listing.paginate(Path=path, Recursive=True, WithDecryption=True)
            return {entry["Name"]: _parameter(entry) for page in pages for entry in page["Parameters"]}

    def put(self, name: str, value: str | SecretStr) -> None:
        """Create a parameter, or change its value. A SecretStr becomes a SecureString."""
        type_arguments = {"Type": "String"}
        if isinstance(value, SecretStr):
            type_arguments = {"Type": "SecureString", "KeyId": self.find_key()}

        with translate_errors(self.access, f"write {name}"):
            self.client("ssm").put_parameter(Name=name, Value=_text(value), Overwrite=True, **type_arguments)

    def find_key(self) -> str:
        """Return the ARN of the KMS key that the secrets are encrypted with; the key is created if absent."""
        kms = self.client("kms")
        with translate_errors(self.access, f"find the key {KEY_ALIAS}"):
            with contextlib.suppress(kms.exceptions.NotFoundException):
                return str(kms.describe_key(KeyId=KEY_ALIAS)["KeyMetadata"]["Arn"])
            metadata = kms.create_key(Description="encrypts the workshop's secrets")["KeyMetadata"]
            kms.create_alias(AliasName=KEY_ALIAS, TargetKeyId=metadata["KeyId"])
        return str(metadata["Arn"])

    def reader(self, environment: str, name: str = "reader") -> Store:
        """Create a user who may read one environment and nothing else; return the store with that user's access.

        The key of an earlier user with this ``name`` is no longer valid.
        """
        policy = reader_policy(environment, self.find_key())
        return Store(self.access.new_user(f"{environment}-{name}", policy))


def reader_policy(environment: str, key_arn: str) -> dict[str, Any]:
    """Return the IAM policy for reading the parameters of one environment, and decrypting with one key."""
    account = key_arn.split(":")[4]  # arn:aws:kms:REGION:ACCOUNT:key/ID
    environment_arn = f"arn:aws:ssm:{REGION}:{account}:parameter{PREFIX}/{environment}"
    read_actions = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": read_actions, "Resource": [environment_arn, f"{environment_arn}/*"]},
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn},
        ],
    }


def start(stack: Stack, report: Report = silent) -> Store:
    """Start the stack's parameter store if it is not running; return it with the administrator's access."""
    stack.up(SERVICE, report=report)
    return connect(stack)


def connect(stack: Stack) -> Store:
    """Return the stack's parameter store with the administrator's access. Raises WorkshopError if it is not up."""
    key = (stack.secrets_folder / "parameter_store_key").read_text().strip()
    return Store(Access(stack.url(SERVICE), ADMINISTRATOR, key))


def seed(store: Store, environments: Mapping[str, Settings]) -> None:
    """Write the settings of each environment into the store, except those that it has with the same value."""
    for environment, settings in environments.items():
        stored_parameters = store.get_by_path(f"{PREFIX}/{environment}")
        for name, value in settings.items():
            full_name = f"{PREFIX}/{environment}/{name}"
            parameter = Parameter(full_name, _text(value), isinstance(value, SecretStr))
            if stored_parameters.get(full_name) != parameter:
                store.put(full_name, value)


def settings_of(stack: Stack) -> dict[str, str | SecretStr]:
    """Return the settings of the stack's service, by ``group/name``; one that it reads from a file is a SecretStr."""
    settings: dict[str, str | SecretStr] = {}
    for pair in stack.container("service").attrs["Config"]["Env"]:
        variable_name, _, value = pair.partition("=")
        name = _setting_name(variable_name.removesuffix("_FILE"))
        if name is None:
            continue

        if variable_name.endswith("_FILE"):
            secret_file = stack.secrets_folder / PurePosixPath(value).name
            settings[name] = SecretStr(secret_file.read_text().removesuffix("\n"))
        else:
            settings[name] = value

    return settings


def _setting_name(variable_name: str) -> str | None:
    """Return the ``group/name`` of an environment variable of the service; None if it is in no group."""
    for group in GROUPS:
        if variable_name.startswith(f"{group}_"):
            name = variable_name.removeprefix(f"{group}_")
            return f"{group}/{name}".lower()
    return None


def settings_by_environment(stack: Stack) -> dict[str, dict[str, str | SecretStr]]:
    """Return the settings of production, staging and qa for `seed`: those of the stack, with DIFFERENCES."""
    shared = settings_of(stack)
    return {environment: {**shared, **differences} for environment, differences in DIFFERENCES.items()}


def variable(name: str) -> str:
    """Return the environment variable of a parameter.

    >>> variable("master_db/sql_mode")
    'MASTER_DB_SQL_MODE'
    """
    return name.replace("/", "_").upper()


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _parameter(answer: Mapping[str, Any]) -> Parameter:
    """Return a parameter from AWS's description of it."""
    return Parameter(answer["Name"], answer["Value"], answer["Type"] == "SecureString")
