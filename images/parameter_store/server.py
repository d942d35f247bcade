"""Six services of AWS on one port, by moto: Parameter Store, KMS, S3, CloudWatch Logs, IAM and STS.

IAM is enforced from the first request on. Plain moto accepts every request until it is told otherwise, and has an
unprotected interface that switches IAM off again. Here one administrator exists from the start; the file that
``PARAMETER_STORE_KEY_FILE`` names holds the secret key. The administrator makes all other users. Everything is in
memory: a restart empties the store. With ``COLLECTOR_KEY_FILE`` there is also a bucket for logs, and a second user with
that key who may put objects into the bucket and list it.
"""

from __future__ import annotations

import base64
import http
import json
import os
import re
import signal
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

ADMINISTRATOR = "AKIAWORKSHOPADMIN000"  # a key's id is a name, no secret
ACCOUNT = "123456789012"
REGION = "us-east-1"  # where the administrator is made; parameters may be in any region
PORT = 8080
SERVICES = ("ssm", "kms", "s3", "logs", "iam", "sts")
COLLECTOR = "AKIAWORKSHOPCOLLECTR"
BUCKET = "workshop-logs"
COLLECTING = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/logs/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    ],
}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SHORTEST_KEY = 16  # characters
SIGNED_FOR = re.compile(r"Credential=[^/,\s]+/\d+/[^/,]+/([^/,]+)/aws4_request")

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class StartError(Exception):
    """A mistake in the container's settings, told in one sentence."""


def key_in(environment: Mapping[str, str], variable: str) -> str:
    """Return the secret key in the file that a variable names, without its line end."""
    path = environment.get(variable, "")
    if not path:
        raise StartError(f"{variable} is not set: give it in the container's environment.")
    try:
        key = Path(path).read_text(encoding="ascii").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not ASCII text"
        raise StartError(
            f"{variable} names {path}, which cannot be read ({reason}): mount a file that user {os.getuid()} can read."
        ) from None
    if len(key) < SHORTEST_KEY:
        raise StartError(f"The key in {path} is shorter than {SHORTEST_KEY} characters: write a longer one.")
    return key


def prepare_moto() -> None:
    """Set the variables that moto reads at import, and keep it from loading EC2, which only fleets of machines need."""
    os.environ |= {"INITIAL_NO_AUTH_ACTION_COUNT": "0", "MOTO_DISABLE_GLOBAL_CORS": "yes", "MOTO_ACCOUNT_ID": ACCOUNT}
    absent = types.ModuleType("moto.ec2")
    absent.ec2_backends = {}  # type: ignore[attr-defined]
    sys.modules["moto.ec2"] = absent


def make_user(name: str, key_id: str, key: str, policy: Mapping[str, Any]) -> None:
    """Make a user before the first request."""
    from moto.iam.models import iam_backends

    users = iam_backends[ACCOUNT]["aws"]
    users.create_user(REGION, name)
    users.put_user_policy(name, "policy", json.dumps(policy))
    access = users.create_access_key(name)
    access.access_key_id = key_id
    access.secret_access_key = key


def make_bucket() -> None:
    """Make the bucket for logs."""
    from moto.s3.models import s3_backends

    s3_backends[ACCOUNT]["aws"].create_bucket(BUCKET, REGION)


def enforce_paths() -> None:
    """Enforce policies on single parameters and keys: plain moto checks a right to all of them, or none.

    As on AWS, reading a parameter requires a right to its name or path, and decrypting it a right to its KMS key.
    """
    from moto.core.authorization import ActionAuthenticatorMixin
    from moto.iam.access_control import IAMRequest
    from moto.kms.responses import KmsResponse
    from moto.ssm.responses import SimpleSystemManagerResponse

    class Decrypting(IAMRequest):  # type: ignore[misc]
        """The same request, asking for another right."""

        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self._action = "kms:Decrypt"

    def parameters(self: Any, _resource: str = "*") -> None:
        body = json.loads(self.body or "{}")
        here = f"{self.region}:{self.current_account}"
        for name in parameter_names(body):
            allow(self, IAMRequest, f"arn:aws:ssm:{here}:parameter/{name.strip('/')}" if name else "*")
        if body.get("WithDecryption"):
            for key in decryption_keys(self.ssm_backend, body):
                allow(self, Decrypting, key if key.startswith("arn:") else f"arn:aws:kms:{here}:{key}")

    def keys(self: Any, _resource: str = "*") -> None:
        allow(self, IAMRequest, requested_key(self.kms_backend, json.loads(self.body or "{}")))

    SimpleSystemManagerResponse._authenticate_and_authorize_normal_action = parameters
    KmsResponse._authenticate_and_authorize_normal_action = keys
    # moto accepts these without a key, for any service that the caller names.
    ActionAuthenticatorMixin.PUBLIC_OPERATIONS = []


def allow(request: Any, right: type, resource: str) -> None:
    """Let the request go on, or refuse it as AWS does: in JSON, where moto answers in XML that boto3 cannot read."""
    from moto.core.exceptions import AccessDeniedError, InvalidClientTokenIdError, SignatureDoesNotMatchError

    words = {
        AccessDeniedError: "AccessDeniedException",
        InvalidClientTokenIdError: "UnrecognizedClientException",
        SignatureDoesNotMatchError: "InvalidSignatureException",
    }
    try:
        request._authenticate_and_authorize_action(right, resource)
    except tuple(words) as refused:
        where = f" on resource: {resource}" if isinstance(refused, AccessDeniedError) else ""
        refused.description = json.dumps({"__type": words[type(refused)], "message": refused.message + where})
        raise


def parameter_names(body: Mapping[str, Any]) -> list[str]:
    """Return the parameters or the path that a request names; one empty name if it names none."""
    names = body.get("Names") or [body.get("Name") or body.get("Path") or ""]
    return [str(name) for name in names]


def decryption_keys(parameters: Any, body: Mapping[str, Any]) -> set[str]:
    """Return the KMS keys of the secrets that a request would decrypt."""
    if "Path" in body:
        folder = str(body["Path"]).rstrip("/") + "/"
        names = [key for key in parameters._parameters if key.startswith(folder)]
    else:
        names = parameter_names(body)

    found = [parameters.get_parameter(name) for name in names]
    known = [parameter for parameter in found if parameter is not None]
    return {parameter.keyid for parameter in known if parameter.parameter_type == "SecureString"}


def requested_key(kms: Any, body: Mapping[str, Any]) -> str:
    """Return the ARN of the key that a KMS request is about; * if it is about none, or about one that is not there."""
    key_id = str(body.get("KeyId") or body.get("TargetKeyId") or "")
    if not key_id and "CiphertextBlob" in body:
        key_id = base64.b64decode(body["CiphertextBlob"])[:36].decode(errors="replace")  # moto puts the id in front
    alias = kms.get_alias_name(key_id)
    found = kms.get_key_id_from_alias(alias) if alias.startswith("alias/") else kms.get_key_id(key_id)
    return str(kms.keys[found].arn) if found in kms.keys else "*"


def guarded(application: Application) -> Application:
    """Accept requests that are signed for one of the six services; block moto's own interface and its metadata."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        signed = SIGNED_FOR.search(environ.get("HTTP_AUTHORIZATION", ""))
        path = environ.get("PATH_INFO", "")
        if signed is None or signed[1] not in SERVICES or path.startswith(("/moto-api", "/latest/")):
            wrong = "MissingAuthenticationTokenException"
            body = json.dumps({"__type": wrong, "message": f"Sign a request to {', '.join(SERVICES)}."}).encode()
            status = http.HTTPStatus.FORBIDDEN
            start_response(f"{status.value} {status.phrase}", [("Content-Type", "application/x-amz-json-1.1")])
            return [body]
        return application(environ, start_response)

    return answer


def serve(key: str, collectors_key: str = "") -> None:
    """Serve until SIGTERM, with a thread per connection."""
    prepare_moto()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class SilentHandler(MotoRequestHandler):  # type: ignore[misc]
        """Errors are logged, requests are not."""

        protocol_version = "HTTP/1.1"

        def log_request(self, *_: Any) -> None:
            """Say nothing."""

    dispatcher = DomainDispatcherApplication(create_backend_app)
    for service in ("ssm", "kms", "iam"):  # moto loads the others at the first request
        dispatcher.app_instances[service] = create_backend_app(service)
    make_user("administrator", ADMINISTRATOR, key, EVERYTHING)
    if collectors_key:
        make_user("collector", COLLECTOR, collectors_key, COLLECTING)
        make_bucket()
    enforce_paths()
    server = make_server("0.0.0.0", PORT, guarded(dispatcher), threaded=True, request_handler=SilentHandler)  # noqa: S104
    sys.stdout.write(json.dumps({"event": "parameter_store.started", "port": PORT, "services": SERVICES}) + "\n")
    sys.stdout.flush()  # -I ignores PYTHONUNBUFFERED
    server.serve_forever()


def stop(*_: object) -> NoReturn:
    """SIGTERM: nothing is kept, so nothing has to be saved."""
    os._exit(0)


def main() -> None:
    """Read the key, then serve."""
    signal.signal(signal.SIGTERM, stop)
    try:
        key = key_in(os.environ, "PARAMETER_STORE_KEY_FILE")
        collectors_key = key_in(os.environ, "COLLECTOR_KEY_FILE") if os.environ.get("COLLECTOR_KEY_FILE") else ""
    except StartError as error:
        sys.exit(f"parameter_store: {error}")
    serve(key, collectors_key)


if __name__ == "__main__":
    main()
