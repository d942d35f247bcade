"""For HEALTHCHECK: exit with 0 if the service in this container answers."""

import http.client
import os
import sys

# region monitoring.healthcheck
port = os.environ.get("HTTP_PORT", "8080")
connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=1.5)
#: only the solution
connection.request("GET", "/livez")
answer = connection.getresponse()
sys.exit(0 if answer.status == 200 else 1)
#: only the starter
#| # Where nothing listens this raises, and Python exits with 1.
#| connection.connect()
#| sys.exit(0)
#: both
# endregion monitoring.healthcheck
