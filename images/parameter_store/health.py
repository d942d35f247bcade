"""Health check: the store answers as Parameter Store does, and IAM refuses an unknown key."""

from __future__ import annotations

import http.client
import sys

REQUEST = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "AmazonSSM.DescribeParameters",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIANOBODY0000000000/20260101/us-east-1/ssm/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0",
}


def main() -> None:
    """Exit 0 if an unknown key is refused; else 1 with one sentence."""
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=2)
    try:
        connection.request("POST", "/", "{}", REQUEST)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"the store does not answer: {error}")
    if answer.status != http.client.FORBIDDEN or b"UnrecognizedClientException" not in body:
        sys.exit(f"the store answered an unknown key with {answer.status} instead of refusing it")


if __name__ == "__main__":
    main()
