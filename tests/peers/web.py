"""An HTTP system that is not ours: the standard library's server in a thread, with a ledger."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class WebServer:
    """Echoes bodies. The path says what it does: `/refuse` 400, `/busy` 429, `/broken` 500, `/moved` 302,
    `/wait` sleeps `pause`. `ledger` has every request it has read: (method, path with query, body).
    """

    def __init__(self, *, pause: float = 0.3) -> None:
        self.pause = pause
        self.ledger: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        peer = self

        class Handler(_Handler):
            owner = peer

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that reset their connection are part of the tests."""


_STATUS = {"/refuse": 400, "/busy": 429, "/broken": 500, "/moved": 302, "/missing": 404}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body of a small reply leave together
    owner: WebServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.owner.lock:
            self.owner.ledger.append((self.command, self.path, body))
            self.owner.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.owner.at_once += 1
            self.owner.most_at_once = max(self.owner.most_at_once, self.owner.at_once)
        path = self.path.split("?")[0]
        if path.startswith("/wait"):
            time.sleep(self.owner.pause)
        self.send_response(_STATUS.get(path, 200))
        self.send_header("Content-Type", self.headers.get("Content-Type", "text/plain"))
        if path == "/moved":
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with self.owner.lock:
            self.owner.at_once -= 1
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the standard library looks for these names

    def log_message(self, *_: object) -> None:
        """Not to the console."""
