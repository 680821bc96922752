"""A git host behind https that wants to know who reads: git's own server program, real TLS."""

import os
import ssl
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

LOGIN, PASSWORD = "bot", "p@ss word:ü"


class HttpsHost:
    """Serves the repositories below a folder to `bot` alone; notes what it was told."""

    def __init__(self, root: Path, url: str, ca: Path) -> None:
        self.root = root
        self.url = url
        #: The file that says whom to trust.
        self.ca = ca
        self.told: list[str] = []
        #: What `bot` must show.
        self.password = PASSWORD

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Let git answer, or ask who it is."""
        authorization = request.headers.get("authorization", "")
        self.told.append(authorization)
        if authorization != "Basic " + b64encode(f"{LOGIN}:{self.password}".encode()).decode():
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="git"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        head, _, body = self._run(request).partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((value for name, value in lines if name == "Status"), "200")
        request.send_response(int(status[:3]))
        for name, value in lines:
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _run(self, request: BaseHTTPRequestHandler) -> bytes:
        path, _, query = request.path.partition("?")
        size = request.headers.get("content-length", "0")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "REQUEST_METHOD": request.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": size,
            "REMOTE_USER": LOGIN,
        }
        body = request.rfile.read(int(size))
        return subprocess.run(
            ["git", "-c", "safe.directory=*", "-c", "uploadpack.allowFilter=true", "http-backend"],
            input=body,
            env=environment,
            capture_output=True,
            check=True,
        ).stdout


@contextmanager
def serving(root: Path, folder: Path) -> Iterator[HttpsHost]:
    """A host that serves as long as the block lasts; its certificates are kept in `folder`."""
    authority = trustme.CA()
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host.answer(self)

        def do_POST(self) -> None:
            host.answer(self)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host = HttpsHost(root, f"https://127.0.0.1:{server.server_port}", ca)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
