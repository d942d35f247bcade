# It asks, and goes without an answer.
port = os.environ.get("HTTP_PORT", "8080")
connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=1.5)
connection.request("GET", "/livez")
sys.exit(0)
