"""AWS's clients: for the workshop's own store without a look at the user's AWS settings, for real AWS by opt-in alone.

boto3 by itself reads profiles, keys, endpoints and proxies from some fifty variables and two files. None of that may
decide where a lesson's request goes, or send a real key to it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.configprovider import (
    BOTOCORE_DEFAUT_SESSION_VARIABLES,
    ConfigValueStore,
    ConstantProvider,
)
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from workshop_kit.errors import WorkshopError, WrongUsage

LOADER = botocore.loaders.create_loader()
"""What botocore knows of AWS, read and parsed once: for a client of its own that takes most of the time."""
REGION = "us-east-1"  # the emulator has every region and is in none
PATIENCE = {"connect_timeout": 2, "read_timeout": 10, "retries": {"total_max_attempts": 2}}

NO_KEY = {"UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId", "SignatureDoesNotMatch"}
NO_RIGHT = {"AccessDeniedException", "AccessDenied"}


class NotAllowed(WorkshopError):
    """The store knows who asks, and does not let them."""


class NotThere(WorkshopError):
    """No such parameter; ``names`` are those that are missing."""

    def __init__(self, *names: str) -> None:
        one = len(names) == 1
        listed = ", ".join(names)
        super().__init__(
            f"The store has no parameter {listed}." if one else f"The store has no parameters {listed}.",
            "Put it there, or correct the name." if one else "Put them there, or correct the names.",
        )
        self.names = names


@dataclass(frozen=True)
class Access:
    """Who asks, and where: with ``endpoint`` None it is real AWS, with the user's own session behind ``own``."""

    endpoint: str | None
    region: str = REGION
    key_id: str = ""
    secret_key: str = field(default="", repr=False)
    own: Any = field(default=None, repr=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service: ``ssm``, ``kms``, ``s3``, ``iam``, ``sts``."""
        if self.endpoint is None:
            return self.own.client(service, region_name=self.region, config=Config(**PATIENCE))
        return self._isolated().client(service, endpoint_url=self.endpoint, config=config_of_emulator())

    def arguments(self) -> dict[str, Any]:
        """Return what a plain ``boto3.client("ssm", **arguments)`` needs to reach the emulator as this user."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.key_id,
            "aws_secret_access_key": self.secret_key,
            "config": config_of_emulator(),
        }

    def _isolated(self) -> Any:
        """A session to which no variable and no file of the user's says anything."""
        session = botocore.session.Session()
        session.register_component("data_loader", LOADER)
        values = {name: ConstantProvider(line[2]) for name, line in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
        values |= {"region": ConstantProvider(self.region)}
        values |= {"s3": ConstantProvider({}), "proxies_config": ConstantProvider({})}
        values |= {"config_file": ConstantProvider("/dev/null"), "credentials_file": ConstantProvider("/dev/null")}
        session.register_component("config_store", ConfigValueStore(mapping=values))
        session.set_credentials(self.key_id, self.secret_key)
        return boto3.session.Session(botocore_session=session)


def config_of_emulator() -> Config:
    """Return what holds for every request to the emulator: no proxy, and a short wait."""
    return Config(proxies={}, use_fips_endpoint=False, s3={"addressing_style": "path"}, **PATIENCE)


@contextlib.contextmanager
def explained(access: Access, doing: str) -> Iterator[None]:
    """Turn what boto3 raises into one sentence without a value: ``doing`` is what was tried, as in "read /a/b"."""
    place = access.endpoint or f"AWS in {access.region}"
    try:
        yield
    except ClientError as refused:
        raise _refused(refused, access, doing) from None  # its text may hold what was sent
    except (ConnectionError, HTTPClientError):
        raise WorkshopError(
            f"The parameter store at {place} does not answer: could not {doing}.",
            "Start it (the stack's service parameter-store), then try again.",
        ) from None
    except BotoCoreError as error:
        raise WorkshopError(
            f"Could not {doing}: boto3 says {type(error).__name__}.", "Correct what was asked for, then try again."
        ) from None


def _refused(refused: ClientError, access: Access, doing: str) -> WorkshopError:
    said = refused.response.get("Error", {})
    code = str(said.get("Code", ""))
    if code in NO_RIGHT:
        # AWS says: User: arn:aws:iam::123456789012:user/NAME is not authorized to perform: RIGHT on resource: …
        found = re.match(r"User: \S*?([^/\s]+) is not authorized to perform: (\S+)", str(said.get("Message", "")))
        who, right = (found[1], found[2]) if found else (access.key_id, refused.operation_name)
        return NotAllowed(
            f"{who} may not {doing}: its policy does not allow {right}.",
            "Ask with another user, or have the policy widened.",
        )
    if code in NO_KEY:
        return NotAllowed(
            f"The store does not know this key: could not {doing}.",
            "Connect and seed again: the emulator forgets everything when it is restarted.",
        )
    return WorkshopError(f"The store did not {doing}: {code}.", "Correct what was asked for, then try again.")


def real(*, account: str, region: str, ask: Callable[[str], str] = input) -> Access:
    """Return access to real AWS, with the user's own credentials: only if the user types the account's number.

    Nothing is called before that; then AWS is asked whose credentials these are, and another account is refused.
    Raises WrongUsage, or NotAllowed for a refusal. What may be read and written then is up to the account's policies.
    """
    if not re.fullmatch(r"\d{12}", account):
        raise WrongUsage("An AWS account is a number of 12 digits.", "Name the account that you mean to use.")
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        raise WrongUsage(f"{region!r} is no AWS region.", "Name one, such as eu-central-1.")
    question = f"This uses the real AWS account {account} in {region} and may cost money. Type its number: "
    if ask(question).strip() != account:
        raise NotAllowed(
            f"The AWS account {account} is not used: you did not confirm it.", "Type its number when asked."
        )
    access = Access(None, region, own=boto3.session.Session(region_name=region))
    with explained(access, f"find out whose credentials these are (account {account})"):
        found = str(access.client("sts").get_caller_identity()["Account"])
    if found != account:
        raise NotAllowed(
            f"The credentials on this machine belong to the account {found}, not to {account}.",
            "Choose the profile of the account you named (AWS_PROFILE), then try again.",
        )
    return access
