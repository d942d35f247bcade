import socket

with socket.create_connection(("127.0.0.1", int(os.environ.get("HTTP_PORT", "8080"))), timeout=1) as service:
    service.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
    status_line = service.makefile("rb").readline()

if b" 200 " not in status_line:
    sys.exit("not alive")
