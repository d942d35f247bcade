"""For HEALTHCHECK: exit with 0 if the service in this container answers."""

import http.client
import os
import sys

# region monitoring.healthcheck
port = os.environ.get("HTTP_PORT", "8080")
connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=1.5)
connection.request("GET", "/livez")
answer = connection.getresponse()
sys.exit(0 if answer.status == 200 else 1)
# endregion monitoring.healthcheck
