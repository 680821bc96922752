"""A line between a client and a server that breaks downloads, or changes a byte of them."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.soon import PATIENCE


class Line:
    """Passes requests on; downloads end after `cut` bytes, or arrive with their first byte changed."""

    def __init__(self, port: int) -> None:
        self.cut: int | None = None
        self.damaged = False
        #: The `Range` of each request, if it had one.
        self.ranges: list[str] = []
        line = self

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                far = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                far.request(self.command, self.path, body, dict(self.headers))
                answer = far.getresponse()
                content = answer.read()
                line.ranges.append(self.headers.get("Range", ""))
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                if line.damaged:
                    content = bytes([content[0] ^ 1]) + content[1:]
                self.wfile.write(content[: line.cut])
                self.close_connection = True
                far.close()

            do_GET = do_PUT = do_POST = _pass_on  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
