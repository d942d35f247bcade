"""Clients of the workshop's emulator of AWS, which read nothing of the user's own AWS settings.

boto3 by itself reads profiles, keys, endpoints and proxies from some fifty variables and two files. None of that may
decide where a lesson's request goes, or send a real key to it.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConfigValueStore, ConstantProvider
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from workshop_kit.errors import WorkshopError

LOADER = botocore.loaders.create_loader()
"""botocore's descriptions of AWS, shared by all clients: to parse them takes most of a client's time."""
REGION = "us-east-1"  # the emulator has every region and is in none
CONFIG = Config(
    proxies={},
    use_fips_endpoint=False,
    s3={"addressing_style": "path"},
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 2},
)
"""What holds for every request to the emulator: no proxy, and a short wait."""
NO_RIGHT = {"AccessDeniedException", "AccessDenied"}


class NotAllowed(WorkshopError):
    """The store knows the user, and refuses what the user asks."""


class NotThere(WorkshopError):
    """The store has no such parameter."""

    def __init__(self, *names: str) -> None:
        what = "parameter" if len(names) == 1 else "parameters"
        super().__init__(f"The store has no {what} {', '.join(names)}.", "Put what is missing there, or correct it.")


@dataclass(frozen=True)
class Access:
    """The emulator's address, and the key of one of its users."""

    endpoint: str
    key_id: str
    secret_key: str = field(repr=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service: ``ssm``, ``kms``, ``s3``, ``iam``, ``sts``."""
        session = botocore.session.Session()
        session.register_component("data_loader", LOADER)
        values = {name: ConstantProvider(line[2]) for name, line in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
        values |= {"region": ConstantProvider(REGION)}
        values |= {"s3": ConstantProvider({}), "proxies_config": ConstantProvider({})}
        values |= {"config_file": ConstantProvider("/dev/null"), "credentials_file": ConstantProvider("/dev/null")}
        session.register_component("config_store", ConfigValueStore(mapping=values))
        session.set_credentials(self.key_id, self.secret_key)
        isolated = boto3.session.Session(botocore_session=session)
        return isolated.client(service, endpoint_url=self.endpoint, config=CONFIG)

    def arguments(self) -> dict[str, Any]:
        """Return what a plain ``boto3.client("ssm", **arguments)`` needs to reach the emulator as this user."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "aws_access_key_id": self.key_id,
            "aws_secret_access_key": self.secret_key,
            "config": CONFIG,
        }

    def new_user(self, name: str, policy: Mapping[str, Any]) -> Access:
        """Create a user with this policy, unless there is one of that name, and a new key; return its access."""
        iam = self.client("iam")
        with explained(self, f"make the user {name}"):
            with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
                iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=json.dumps(policy))
            for old in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:  # a user can have two at most
                iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
            key = iam.create_access_key(UserName=name)["AccessKey"]
        return Access(self.endpoint, key["AccessKeyId"], key["SecretAccessKey"])


@contextlib.contextmanager
def explained(access: Access, doing: str) -> Iterator[None]:
    """Turn what boto3 raises into one sentence without a value: ``doing`` is what was tried, as in "read /a/b"."""
    try:
        yield
    except ClientError as refused:
        raise _refused(refused, access, doing) from None  # its text may hold what was sent
    except (ConnectionError, HTTPClientError):
        raise WorkshopError(
            f"The parameter store at {access.endpoint} does not answer: could not {doing}.",
            "Start it (the stack's service parameter-store), then try again.",
        ) from None


def _refused(refused: ClientError, access: Access, doing: str) -> WorkshopError:
    said = refused.response.get("Error", {})
    code = str(said.get("Code", ""))
    if code in NO_RIGHT:
        # AWS says: User: arn:aws:iam::123456789012:user/NAME is not authorized to perform: RIGHT on resource: …
        found = re.match(r"User: \S*?([^/\s]+) is not authorized to perform: (\S+)", str(said.get("Message", "")))
        user, right = (found[1], found[2]) if found else (access.key_id, refused.operation_name)
        return NotAllowed(
            f"{user} may not {doing}: its policy does not allow {right}.",
            "Ask with another user, or have the policy widened.",
        )
    return WorkshopError(f"The store did not {doing}: {code}.", "Correct what was asked for, then try again.")
