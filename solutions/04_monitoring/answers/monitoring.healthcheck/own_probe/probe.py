import urllib.request

port = os.environ.get("HTTP_PORT", "8080")
try:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1)
except OSError as error:
    sys.exit(str(error))
