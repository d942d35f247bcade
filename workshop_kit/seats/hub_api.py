"""JupyterHub's API: ask for a seat's server, start it, and start all of them a few at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from workshop_kit.observe.http import Answer, request
from workshop_kit.progress import Report, Step, silent

ANSWER_SECONDS = 60.0
"""The hub answers a start once the server runs, at the latest after ten seconds; on a busy machine later."""
START_SECONDS = 900.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class HubApi:
    """The API behind the hub's address, used with the token of a service; the token stays out of the repr."""

    address: str
    token: str = field(repr=False)

    def call(self, method: str, path: str = "") -> Answer:
        """Send a request: ``GET /users/seat01/server``."""
        headers = {"Authorization": f"token {self.token}"}
        url = f"{self.address}/hub/api{path}"
        return request(method, url, content=b"", headers=headers, timeout_seconds=ANSWER_SECONDS)

    def is_up(self) -> bool:
        """Return whether the hub answers."""
        return self.call("GET", "/").ok

    def start(self, name: str) -> bool:
        """Start a user's server unless it runs; return whether it is ready in the end."""
        asked, deadline = False, time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            server = self.call("GET", f"/users/{name}/server").json() or {}
            if server.get("ready"):
                return True
            if not server.get("pending"):
                if asked:
                    return False  # it has failed: the hub's log says why
                asked = True
                self.call("POST", f"/users/{name}/server")
            time.sleep(POLL_SECONDS)
        return False


def start_all(api: HubApi, names: Iterable[str], at_once: int, report: Report = silent) -> list[str]:
    """Start these users' servers, ``at_once`` at a time; return the names of those that did not start."""
    with ThreadPoolExecutor(at_once) as pool:
        started = {pool.submit(api.start, name): name for name in names}
        for number, one in enumerate(as_completed(started)):
            report(Step("Seats", number / len(started), f"{number + 1} of {len(started)}: {started[one]}"))
    report(Step("Seats", 1.0, done=True))
    return [name for one, name in started.items() if not one.result()]
