"""The external store: parameters by path, secrets encrypted with a KMS key, and readers that see one path only.

A parameter's name is ``/workshop/<environment>/<group>/<name>``. The store is moto's emulation of AWS's Systems
Manager Parameter Store, in a container of the stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine.aws import REGION, Access, NotThere, explained
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.progress import Report, silent

SERVICE = "parameter-store"
PREFIX = "/workshop"
KEY_ALIAS = "alias/workshop"
ADMINISTRATOR = "AKIAWORKSHOPADMIN000"  # as in images/parameter_store: the id of a key is a name, no secret
AT_ONCE = 10  # AWS takes no more names in one request

NAME = re.compile(r"(/[\w.-]+)+", re.ASCII)
LARGEST_BYTES = 4096  # AWS's limit for a standard parameter, which moto does not have

Settings = Mapping[str, str | SecretStr]
"""Values by ``group/name``; a SecretStr becomes a SecureString."""


@dataclass(frozen=True)
class Parameter:
    """One parameter as it is in the store. ``version`` counts the values it has had, from 1."""

    name: str
    value: str = field(repr=False)
    secret: bool
    version: int


class Store:
    """A parameter store, as one user of it. Every method raises WorkshopError in one sentence, never with a value."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._clients: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<store {self.access.endpoint} as {self.access.key_id}>"

    def client(self, service: str) -> Any:
        """Return a boto3 client as this user, the same one each time."""
        if service not in self._clients:
            self._clients[service] = self.access.client(service)
        return self._clients[service]

    def read(self, names: Sequence[str], *, decrypt: bool = True) -> dict[str, Parameter]:
        """Read parameters by name; all of them or none. Raises NotThere with every name that is missing."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, Parameter] = {}
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            with explained(self.access, f"read {some[0]}" + (f" and {len(some) - 1} more" if some[1:] else "")):
                answer = self.client("ssm").get_parameters(Names=some, WithDecryption=decrypt)
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

    def put(self, name: str, value: str | SecretStr) -> int:
        """Make a parameter, or give it another value; return its version. A SecretStr becomes a SecureString."""
        if not NAME.fullmatch(name):
            raise WrongUsage(f"{name!r} is no parameter's name.", "Name it like /workshop/staging/redis/password.")
        text = _text(value)
        if not 0 < len(text.encode(errors="replace")) <= LARGEST_BYTES:
            raise WrongUsage(
                f"The value for {name} is {'longer than 4 KiB' if text else 'empty'}, which AWS does not take.",
                "Give it another one.",
            )
        secret = isinstance(value, SecretStr)
        kind = {"Type": "SecureString", "KeyId": self.find_key()} if secret else {"Type": "String"}
        with explained(self.access, f"write {name}"):
            written = self.client("ssm").put_parameter(Name=name, Value=text, Overwrite=True, **kind)
        return int(written["Version"])

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
        name, iam = f"{environment}-reader", self.client("iam")
        with explained(self.access, f"make the user {name}"):
            account = self.client("sts").get_caller_identity()["Account"]
            policy = reader_policy(environment, account, self.find_key())
            users = [one["UserName"] for page in iam.get_paginator("list_users").paginate() for one in page["Users"]]
            if name not in users:
                iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=json.dumps(policy))
            for old in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
                iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
            key = iam.create_access_key(UserName=name)["AccessKey"]
        return Store(Access(self.access.endpoint, key["AccessKeyId"], key["SecretAccessKey"]))


def reader_policy(environment: str, account: str, key_arn: str) -> dict[str, Any]:
    """Return the IAM policy for reading the parameters of one environment, and decrypting with one key."""
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
    endpoint = stack.url(SERVICE)
    path = stack.folder / "secrets" / "parameter_store_key"
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise WorkshopError("The administrator's key of the store cannot be read.", "Run ./workshop setup.") from error
    return Store(Access(endpoint, ADMINISTRATOR, key))


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


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _parameter(answer: Mapping[str, Any]) -> Parameter:
    return Parameter(answer["Name"], answer["Value"], answer["Type"] == "SecureString", int(answer["Version"]))
