"""Run k6 to its end, then print its cost.

The plan is JSON in the environment variable LOAD, read by load.js. Lines on stdout, each a JSON object: one for every
finished request, then the number of requests that k6 dropped, then its CPU and wall-clock seconds. Warnings are on
stdout as plain text.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

COMMAND = ("k6", "run", "--no-usage-report", "--quiet", "--log-format", "raw", "--log-output", "stdout")
SCRIPT = "/usr/local/lib/workshop/load.js"


def main() -> int:
    """Return k6's exit code."""
    started = time.monotonic()
    code = subprocess.run([*COMMAND, SCRIPT], check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {"cpu_seconds": used.ru_utime + used.ru_stime, "wall_seconds": time.monotonic() - started}
    print(json.dumps(cost), flush=True)  # noqa: T201  # stdout is what this program is for
    return code


if __name__ == "__main__":
    sys.exit(main())
