"""Ask a running service something, as anybody outside could, and keep the answer as data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """What came back: ``status`` is the HTTP status, or None if nothing did and ``error`` says why.

    ``body`` is the parsed JSON, or the text where it is not JSON; ``seconds`` is how long the asker waited;
    ``headers`` has the answer's header fields, their names in lower case.
    """

    asked: str
    status: int | None
    body: Any
    seconds: float
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the service said yes: any status from 200 to 399."""
        return self.status is not None and 200 <= self.status < 400

    def __str__(self) -> str:
        return f"{self.status} {self.body}" if self.status is not None else self.error


def ask(
    url: str,
    path: str,
    *,
    method: str = "GET",
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """Send one request and return the answer, whatever it is: refused, reset and too late are answers, too."""
    started = time.monotonic()
    asked = f"{method} {path}"
    try:
        # trust_env=False: a proxy has no business between this machine and its own containers.
        with httpx.Client(trust_env=False, timeout=timeout_seconds) as client:
            response = client.request(method, url + path, json=json, headers=headers)
    except httpx.HTTPError as error:
        return Answer(asked, None, None, time.monotonic() - started, _reason(error))
    seconds = time.monotonic() - started
    return Answer(asked, response.status_code, _body(response), seconds, headers=dict(response.headers))


def wait_for(question: Callable[[], Answer], *, within_seconds: float = 30.0) -> tuple[Answer, float]:
    """Repeat a question until its answer is ok or the time is up; return the last answer and the seconds it took."""
    started = time.monotonic()
    while True:
        answer = question()
        waited = time.monotonic() - started
        if answer.ok or waited > within_seconds:
            return answer, waited
        time.sleep(0.1)


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "connection refused"
    return f"no answer ({type(error).__name__})"
