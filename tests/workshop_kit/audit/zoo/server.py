"""A small service that does everything right, or, with the name of a fault as its argument, one thing wrong."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""
PORT = 8080 if FAULT == "fixed-port" else int(os.environ["PORT"])
METRICS = "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total 1\n"


def log(message: str, **fields: str) -> None:
    """One line."""
    line = {"ts": datetime.now(UTC).isoformat(), "level": "info", "msg": message, **fields}
    if FAULT == "no-level":
        del line["level"]
    text = f"{datetime.now(UTC)} {message}" if FAULT == "plain-text" else json.dumps(line)
    if FAULT != "silent":
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    if FAULT == "log-file":
        try:
            with Path("/srv/zoo/server.log").open("a") as file:
                file.write(text + "\n")
        except OSError:
            pass


class Handler(BaseHTTPRequestHandler):
    """Answers probes, metrics, and everything else with 404."""

    def do_GET(self) -> None:
        """Answer."""
        if FAULT == "slow-probe" and self.path == "/livez":
            time.sleep(1.4)
        text = {"/livez": "alive\n", "/metrics": METRICS}.get(self.path)
        if FAULT == "bad-metrics" and self.path == "/metrics":
            text = "requests total: 1\n"
        needs = FAULT == "needs-its-database" and self.path == "/livez"  # there is none
        self.send_response(503 if needs else 200 if text else 404)
        self.end_headers()
        self.wfile.write((text or "not here\n").encode())

    def log_message(self, _: str, *__: object) -> None:
        """Log the request like everything else."""
        log("request", path=self.path)


def stop(*_: object) -> None:
    """The stop signal."""
    if FAULT != "deaf":
        log("stopped")
        os._exit(3 if FAULT == "wrong-code" else 0)


def start() -> None:
    """What goes wrong at the start."""
    if FAULT == "slow-start":
        time.sleep(10.5)
    if FAULT == "lock-file":
        try:
            Path("/srv/zoo/lock").open("x").close()
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
    if FAULT == "writes-at-start":
        Path("/srv/zoo/state").write_text("state")
    if FAULT == "two-programs":
        subprocess.Popen(["sleep", "1000"])
    if FAULT == "needs-a-setting" and "GREETING" not in os.environ:
        log("cannot go on")
        sys.exit(1)
    if FAULT == "tells-secrets":
        log("started with", **os.environ)


signal.signal(signal.SIGTERM, stop)
if FAULT != "silent":
    log("starting")
start()
ThreadingHTTPServer(("127.0.0.1" if FAULT == "local-only" else "0.0.0.0", PORT), Handler).serve_forever()
