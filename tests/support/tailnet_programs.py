"""Programs in the places of headscale and tailscaled, for real processes in a real network namespace that cost little.

headscale serves HTTPS as its configuration says and answers its REST API from memory; tailscaled makes its socket.
Each notes in its folder how it was called.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

_BEGINS = """#!/bin/sh
'''exec' {python} -IS "$0" "$@" # to sh a command, to Python a text: a #! line takes no path with a space
' '''
"""
_HEADSCALE = """\
import os, sys
from pathlib import Path

if sys.argv[3] == "apikeys":
    print("a line of log")
    print("hskey-api-abc-secret" if not Path("no-key").exists() else "Error: hskey-api- of nobody")
    sys.exit(Path("no-key").exists())
print("called", sys.argv[3:], sorted(os.environ), flush=True)
if Path("broken").exists():
    sys.exit("FTL it is broken")
# These take longer than all the rest, and are for a server alone.
import json, ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

config = json.loads(Path(sys.argv[2]).read_text())
nodes, keys = [{"id": "4", "name": "n1", "givenName": "n1"}, {"id": "5", "name": "n2", "givenName": "n2"}], []

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        print("asked", self.command, self.path, body.decode(), flush=True)
        answer = {}
        if self.path == "/api/v1/node":
            answer = {"nodes": nodes}
        elif self.path == "/api/v1/user":
            answer = {"user": {"id": "1"}}
        elif self.path == "/api/v1/preauthkey":
            keys.append(1)
            answer = {"preAuthKey": {"key": f"hskey-auth-{len(keys)}"}}
        elif self.command == "DELETE":
            nodes[:] = [node for node in nodes if node["id"] != self.path.split("/")[-1]]
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_DELETE = do_GET

    def log_message(self, *args):
        pass

host, _, port = config["listen_addr"].rpartition(":")
server = ThreadingHTTPServer((host, int(port)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(config["tls_cert_path"], config["tls_key_path"])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""

_TAILSCALED = """\
import os, signal, socket, sys, time
from pathlib import Path

path = next(word.partition("=")[2] for word in sys.argv if word.startswith("--socket="))
if "TS_BE_CLI" in os.environ:
    file = Path(next(word.partition(":")[2] for word in sys.argv if word.startswith("--auth-key=file:")))
    Path("joined").write_text("\\n".join([*sys.argv[1:], oct(file.stat().st_mode & 0o777), file.read_text()]))
    if not Path(path).exists():
        sys.exit("failed to connect to local tailscaled; it doesn't appear to be running")
    if Path("refused").exists():
        sys.exit("backend error: invalid pre auth key")
    sys.exit(0)
Path("started").write_text("\\n".join([*sys.argv[1:], *sorted(os.environ)]))
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
signal.pause()
"""


def write(folder: Path) -> tuple[Path, Path]:
    """Write the two programs.

    Returns:
        headscale and tailscaled.
    """
    paths = folder / "headscale", folder / "tailscaled"
    for path, text in zip(paths, (_HEADSCALE, _TAILSCALED), strict=True):
        path.write_text(_BEGINS.format(python=shlex.quote(sys.executable)) + text)
        path.chmod(0o755)
    return paths
