"""Access to the stack's emulator of AWS: clients of its services, users, and errors as sentences.

The emulator is moto. Its clients ignore the user's own AWS settings, which boto3 reads from some fifty variables and
two files: a lesson's request must not go elsewhere because of them, nor carry a real key.
"""

from __future__ import annotations

import contextlib
import json
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
from workshop_kit.patience import patient

LOADER = botocore.loaders.create_loader()
"""botocore's descriptions of AWS, shared by all clients: to parse them takes most of a client's time."""
_DEFAULT_COLUMN = 2
"""The column of botocore's table of settings that has the default."""
REGION = "us-east-1"  # the emulator has every region and is in none
CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0


def request_config() -> Config:
    """Return the configuration of all clients of the emulator: no proxy, and short time limits."""
    return Config(
        proxies={},
        use_fips_endpoint=False,
        s3={"addressing_style": "path"},
        connect_timeout=patient(CONNECT_SECONDS),
        read_timeout=patient(READ_SECONDS),
        retries={"total_max_attempts": 2},
    )


@dataclass(frozen=True)
class Access:
    """The emulator's address, and the key of one of its users."""

    endpoint: str
    key_id: str
    secret_key: str = field(repr=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service (``ssm``, ``kms``, ``s3``, ``iam``, ``sts``); it ignores user settings."""
        session = botocore.session.Session()
        session.register_component("data_loader", LOADER)
        session.register_component("config_store", _constant_settings())
        session.set_credentials(self.key_id, self.secret_key)

        boto3_session = boto3.session.Session(botocore_session=session)
        return boto3_session.client(service, endpoint_url=self.endpoint, config=request_config())

    def arguments(self) -> dict[str, Any]:
        """Return what a plain ``boto3.client("ssm", **arguments)`` needs to reach the emulator as this user."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "aws_access_key_id": self.key_id,
            "aws_secret_access_key": self.secret_key,
            "config": request_config(),
        }

    def new_user(self, name: str, policy: Mapping[str, Any]) -> Access:
        """Create a user, unless there is one of that name; give it this policy and a new key, and return its access."""
        iam = self.client("iam")
        with translate_errors(self, f"make the user {name}"):
            with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
                iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=json.dumps(policy))
            for old_key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:  # a user can have two at most
                iam.delete_access_key(UserName=name, AccessKeyId=old_key["AccessKeyId"])
            new_key = iam.create_access_key(UserName=name)["AccessKey"]

        return Access(self.endpoint, new_key["AccessKeyId"], new_key["SecretAccessKey"])


def _constant_settings() -> ConfigValueStore:
    """Return botocore's default settings with the workshop's region; botocore then reads no variables and files."""
    rows = BOTOCORE_DEFAUT_SESSION_VARIABLES
    values: dict[str, Any] = {name: row[_DEFAULT_COLUMN] for name, row in rows.items()}
    values |= {"region": REGION, "s3": {}, "proxies_config": {}}
    values |= {"config_file": "/dev/null", "credentials_file": "/dev/null"}
    providers = {name: ConstantProvider(value) for name, value in values.items()}
    return ConfigValueStore(mapping=providers)


@contextlib.contextmanager
def translate_errors(access: Access, action: str) -> Iterator[None]:
    """Turn errors of boto3 into a WorkshopError whose sentence has no value; ``action`` is the attempt: "read /a/b"."""
    try:
        yield
    except ClientError as refusal:
        raise _refusal_error(refusal, access, action) from None  # its text may hold what was sent
    except (ConnectionError, HTTPClientError):
        raise WorkshopError(
            f"The parameter store at {access.endpoint} does not answer: could not {action}.",
            "Start it (the stack's service parameter-store), then try again.",
        ) from None


def _refusal_error(refusal: ClientError, access: Access, action: str) -> WorkshopError:
    """Return the error for a request that the store has answered with a refusal."""
    code = str(refusal.response.get("Error", {}).get("Code", ""))
    if code in {"AccessDeniedException", "AccessDenied"}:
        return WorkshopError(
            f"The policy of {access.key_id} does not allow {refusal.operation_name}: could not {action}.",
            "Ask with another user, or have the policy widened.",
        )
    return WorkshopError(f"The store did not {action}: {code}.", "Correct what was asked for, then try again.")
