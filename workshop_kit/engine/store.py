"""The external store: parameters by path, secrets encrypted with a KMS key, and readers that see one path only.

A parameter's name is ``/workshop/<environment>/<group>/<name>``. The store is AWS's Systems Manager Parameter Store,
or moto's likeness of it in a container of the stack; the code is the same for both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine.aws import Access, NotThere, explained
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.progress import Report, silent

SERVICE = "parameter-store"
PREFIX = "/workshop"
KEY_ALIAS = "alias/workshop"
ADMINISTRATOR = "AKIAWORKSHOPADMIN000"  # as in images/parameter_store: the id of a key is a name, no secret
AT_ONCE = 10  # AWS hands out no more names in one answer

NAME = re.compile(r"(/[\w.-]+)+", re.ASCII)
LARGEST_BYTES = 4096  # AWS's limit for a standard parameter, which moto does not know

Settings = Mapping[str, str | SecretStr]
"""Values by ``group/name``; a SecretStr becomes a SecureString."""


@dataclass(frozen=True)
class Parameter:
    """One parameter as it is in the store. ``version`` counts the values it has had, from 1."""

    name: str
    value: str = field(repr=False)
    secret: bool
    version: int

    @property
    def shown(self) -> str:
        """The value, or stars in place of a secret."""
        return "*****" if self.secret else self.value


class Store:
    """A parameter store, as one user of it. Every method raises WorkshopError in one sentence, never with a value."""

    def __init__(self, access: Access) -> None:
        self.access = access

    def __repr__(self) -> str:
        return f"<store {self.access.endpoint or 'AWS ' + self.access.region} as {self.access.key_id or 'yourself'}>"

    def client(self, service: str) -> Any:
        """Return a boto3 client as this user: for what is not a method here, such as explicit KMS calls."""
        return self.access.client(service)

    @cached_property
    def ssm(self) -> Any:
        """The client for parameters."""
        return self.access.client("ssm")

    def get(self, name: str, *, decrypt: bool = True) -> Parameter:
        """Read one parameter. Raises NotThere or NotAllowed."""
        return self.read([name], decrypt=decrypt)[name]

    def read(self, names: Sequence[str], *, decrypt: bool = True) -> dict[str, Parameter]:
        """Read parameters by name; all of them or none. Raises NotThere with every name that is missing."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, Parameter] = {}
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            with explained(self.access, f"read {some[0]}" + (f" and {len(some) - 1} more" if some[1:] else "")):
                answer = self.ssm.get_parameters(Names=some, WithDecryption=decrypt)
            found |= {one["Name"]: _parameter(one) for one in answer["Parameters"]}
        if missing := [name for name in wanted if name not in found]:
            raise NotThere(*missing)
        return {name: found[name] for name in wanted}

    def get_by_path(self, path: str, *, decrypt: bool = True) -> dict[str, Parameter]:
        """Read everything below a path, sorted by name; empty if there is nothing. Raises NotAllowed."""
        found: list[Parameter] = []
        with explained(self.access, f"read what is below {path}"):
            pages = self.ssm.get_paginator("get_parameters_by_path")
            for page in pages.paginate(Path=path, Recursive=True, WithDecryption=decrypt):
                found += map(_parameter, page["Parameters"])
        return {one.name: one for one in sorted(found, key=lambda one: one.name)}

    def put(self, name: str, value: str | SecretStr) -> int:
        """Make a parameter, or give it another value; return its version. A SecretStr becomes a SecureString."""
        if not NAME.fullmatch(name):
            raise WrongUsage(f"{name!r} is no parameter's name.", "Name it like /workshop/staging/redis/password.")
        secret = isinstance(value, SecretStr)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not 0 < len(text.encode(errors="replace")) <= LARGEST_BYTES:
            raise WrongUsage(
                f"The value for {name} is {'longer than 4 KiB' if text else 'empty'}, which AWS does not take.",
                "Give it another one.",
            )
        kind = {"Type": "SecureString", "KeyId": self.key_arn} if secret else {"Type": "String"}
        with explained(self.access, f"write {name}"):
            written = self.ssm.put_parameter(Name=name, Value=text, Overwrite=True, **kind)
        return int(written["Version"])

    def rotate(self, name: str, value: SecretStr) -> int:
        """Give a secret that exists another value; return its new version. Raises NotThere for a new name."""
        if not self.get(name, decrypt=False).secret:
            raise WrongUsage(f"{name} is no secret: rotating is for SecureStrings.", "Change it with put().")
        return self.put(name, value)

    @cached_property
    def key_arn(self) -> str:
        """The ARN of the KMS key that the secrets are encrypted with; the emulator's is made at first use."""
        kms = self.access.client("kms")
        with explained(self.access, f"find the key {KEY_ALIAS}"):
            for page in kms.get_paginator("list_aliases").paginate():
                for alias in page["Aliases"]:
                    if alias["AliasName"] == KEY_ALIAS and alias.get("TargetKeyId"):
                        return str(kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]["Arn"])
            if self.access.endpoint is None:
                raise WorkshopError(
                    f"The AWS account has no KMS key {KEY_ALIAS}.", "Make one: see docs/parameter-store.md."
                )
            made = kms.create_key(Description="encrypts the workshop's secrets")["KeyMetadata"]
            kms.create_alias(AliasName=KEY_ALIAS, TargetKeyId=made["KeyId"])
        return str(made["Arn"])

    def reader(self, environment: str) -> Store:
        """Make a user who may read one environment and nothing else; return the store as that user sees it.

        On the emulator alone: users of a real account are made by those who look after it (docs/parameter-store.md).
        """
        if self.access.endpoint is None:
            raise WrongUsage("The workshop makes no users in a real AWS account.", "See docs/parameter-store.md.")
        name, iam = f"{environment}-reader", self.access.client("iam")
        with explained(self.access, f"make the user {name}"):
            account = self.access.client("sts").get_caller_identity()["Account"]
            policy = reader_policy(environment, account, self.access.region, self.key_arn)
            users = [one["UserName"] for page in iam.get_paginator("list_users").paginate() for one in page["Users"]]
            if name not in users:
                iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=json.dumps(policy))
            for old in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
                iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
            key = iam.create_access_key(UserName=name)["AccessKey"]
        return Store(Access(self.access.endpoint, self.access.region, key["AccessKeyId"], key["SecretAccessKey"]))


def reader_policy(environment: str, account: str, region: str, key_arn: str) -> dict[str, Any]:
    """Return the IAM policy that lets somebody read the parameters of one environment, and decrypt with one key."""
    path = f"arn:aws:ssm:{region}:{account}:parameter{PREFIX}/{environment}"
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
    return Store(Access(endpoint, key_id=ADMINISTRATOR, secret_key=key))


def seed(store: Store, environments: Mapping[str, Settings]) -> list[str]:
    """Bring the settings of each environment into the store; return the names that were written.

    What is there with the same value stays as it is, so that a second run writes nothing and versions do not grow.
    """
    written = []
    for environment, settings in environments.items():
        there = store.get_by_path(f"{PREFIX}/{environment}")
        for name, value in settings.items():
            full = f"{PREFIX}/{environment}/{name}"
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            known = there.get(full)
            if known is None or known.value != text or known.secret != isinstance(value, SecretStr):
                store.put(full, value)
                written.append(full)
    return written


def _parameter(answer: Mapping[str, Any]) -> Parameter:
    return Parameter(answer["Name"], answer["Value"], answer["Type"] == "SecureString", int(answer["Version"]))
