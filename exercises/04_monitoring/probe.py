"""For HEALTHCHECK: exit with 0 if the service in this container answers."""

import http.client
import os
import sys

# region monitoring.healthcheck
port = os.environ.get("HTTP_PORT", "8080")
connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=1.5)
# Where nothing listens this raises, and Python exits with 1.
connection.connect()
sys.exit(0)
# endregion monitoring.healthcheck
