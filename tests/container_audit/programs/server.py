"""A small service that does everything right except for the faults that its argument names, separated by commas."""

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

FAULTS = sys.argv[1].split(",") if len(sys.argv) > 1 else []
PORT = 8080 if "fixed-port" in FAULTS else int(os.environ["PORT"])
METRICS = "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total 1\n"


def log(message: str, **fields: str) -> None:
    """One line."""
    line = {"ts": datetime.now(UTC).isoformat(), "level": "info", "msg": message, **fields}
    if "no-level" in FAULTS:
        del line["level"]
    text = f"{datetime.now(UTC)} {message}" if "plain-text" in FAULTS else json.dumps(line)
    if "silent" not in FAULTS and "only-file" not in FAULTS:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    if "log-file" in FAULTS or "only-file" in FAULTS:
        try:
            with Path("/srv/data/server.log").open("a") as file:
                file.write(text + "\n")
        except OSError:
            pass


class Handler(BaseHTTPRequestHandler):
    """Answers probes, metrics, and everything else with 404."""

    def do_GET(self) -> None:
        """Answer."""
        if "slow-probe" in FAULTS and self.path == "/livez":
            time.sleep(1.4)
        text = {"/livez": "alive\n", "/metrics": METRICS}.get(self.path)
        if "bad-metrics" in FAULTS and self.path == "/metrics":
            text = "requests total: 1\n"
        if "answers-everything" in FAULTS:
            text = f"welcome to {self.path}\n"
        status = 200 if text else 404
        if "needs-its-database" in FAULTS and self.path == "/livez":  # there is none
            status = 503
        self.send_response(status)
        self.end_headers()
        self.wfile.write((text or "not here\n").encode())

    def log_message(self, _: str, *__: object) -> None:
        """Log the request like everything else."""
        log("request", path=self.path)


def stop(*_: object) -> None:
    """The stop signal."""
    if "deaf" not in FAULTS:
        log("stopped")
        os._exit(3 if "wrong-code" in FAULTS else 0)


def start() -> None:
    """Apply the faults of the start."""
    if "slow-start" in FAULTS:
        time.sleep(10.5)
    if "lock-file" in FAULTS:
        try:
            Path("/srv/data/lock").open("x").close()
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
    if "writes-at-start" in FAULTS:
        Path("/srv/data/state").write_text("state")
    if "only-file" in FAULTS:
        sys.stderr.write('Traceback (most recent call last):\n  File "x", line 1\nValueError: what escaped\n')
    if "two-programs" in FAULTS:
        subprocess.Popen(["sleep", "1000"])
    if "needs-a-setting" in FAULTS and "GREETING" not in os.environ:
        log("cannot go on")
        sys.exit(1)
    if "tells-secrets" in FAULTS:
        log("started with", **os.environ)


signal.signal(signal.SIGTERM, stop)
if "silent" not in FAULTS:
    log("starting")
start()
ThreadingHTTPServer(("127.0.0.1" if "local-only" in FAULTS else "0.0.0.0", PORT), Handler).serve_forever()
