import urllib.request

try:
    urllib.request.urlopen("http://127.0.0.1:8080/livez", timeout=1)
except OSError as error:
    sys.exit(str(error))
