"""One kind of request to S3, and nothing else of it: put an object, signed as AWS wants it (Signature Version 4).

boto3 does this and a thousand other things, for which it keeps 30 MiB in each participant's stack; that is more than
the whole rest of the collector. The tests hold the signature against botocore's.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 5.0
REGION, SERVICE = "us-east-1", "s3"
SIGNED = "host;x-amz-content-sha256;x-amz-date"
CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
MOST_BYTES = 64 * 1024  # of an answer that says no


class NotTaken(Exception):
    """The bucket did not take an object; the message says why, in a few words."""


class Bucket:
    """A bucket at an endpoint (``http://HOST:PORT``, or https), and the key of a user who may put objects into it."""

    def __init__(self, endpoint: str, name: str, key_id: str, key: str) -> None:
        parts = urlsplit(endpoint)
        self._host, self._name, self._key_id, self._key = parts.netloc, name, key_id, key
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=CONNECT_SECONDS)

    def put(self, key: str, body: bytes) -> None:
        """Put an object. Raises NotTaken: nobody answers, or not in time, or the answer is no."""
        path = quote(f"/{self._name}/{key}", safe="/-_.~")
        headers = signed(self._host, path, body, self._key_id, self._key, datetime.now(UTC))
        try:
            self._connect()
            self._connection.request("PUT", path, body, headers)
            answer = self._connection.getresponse()
            said = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NotTaken(f"{type(error).__name__}: {error}") from error
        if answer.status != http.client.OK:
            self._connection.close()
            found = CODE.search(said)
            raise NotTaken(f"status {answer.status}, {found[1].decode() if found else 'without a reason'}")

    def _connect(self) -> None:
        """Connect unless it is; who answers may take longer than who connects."""
        if self._connection.sock is None:
            self._connection.connect()
            socket: Any = self._connection.sock
            socket.settimeout(ANSWER_SECONDS)


def signed(host: str, path: str, body: bytes, key_id: str, key: str, now: datetime) -> dict[str, str]:
    """The headers of a PUT of ``body`` to ``path``, which is quoted already."""
    time, day, digest = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}", hashlib.sha256(body).hexdigest()
    request = f"PUT\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{time}\n\n{SIGNED}\n{digest}"
    scope = f"{day}/{REGION}/{SERVICE}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    secret = f"AWS4{key}".encode()
    for word in scope.split("/"):
        secret = hmac.digest(secret, word.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    return {
        "Host": host,
        "X-Amz-Content-SHA256": digest,
        "X-Amz-Date": time,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={SIGNED}, Signature={signature}",
    }
