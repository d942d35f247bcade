"""The health check of server.py: exits 0 if /livez answers in time."""

import os
import urllib.request

urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/livez", timeout=1.9)
