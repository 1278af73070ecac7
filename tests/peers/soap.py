"""A SOAP service that is not ours: the standard library's server with lxml, written from the standard, with a ledger."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from lxml import etree

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
Answer = tuple[int, str, bytes]
"""Status, content type, body."""


def enveloped(inner: str, declaration: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    """A SOAP 1.1 envelope around what stands in its body."""
    return f'{declaration}<soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Body>{inner}</soap:Body></soap:Envelope>'


def fault(code: str, text: str) -> str:
    return enveloped(f"<soap:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></soap:Fault>")


class SoapPeer:
    """Notes the first word of each message and answers `for` that word; `Wait` sleeps `pause` first, `Refuse` is a
    Client fault. `says` answers in its place. `requests` has path with query, headers and body of each request.
    """

    def __init__(self, *, pause: float = 0.3) -> None:
        self.pause = pause
        self.ledger: list[str] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.says: Callable[[], Answer] | None = None
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        peer = self

        class Handler(_Handler):
            owner = peer

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: bytes) -> Answer:
        """What one request is told, and the note of it."""
        root = etree.fromstring(body, etree.XMLParser(huge_tree=True, resolve_entities=False))
        (operation,) = root.find(f"{{{ENVELOPE}}}Body")
        name, message = etree.QName(operation).localname, operation[-1].text or ""
        if name == "Refuse":
            return 500, "text/xml; charset=utf-8", fault("soap:Client", "unknown method").encode()
        number = message.partition(" ")[0]
        with self.lock:
            self.ledger.append(number)
        if name == "Wait":
            time.sleep(self.pause)
        if self.says is not None:
            return self.says()
        result = f"<{name}Response xmlns='urn:his'><{name}Result>for {number}</{name}Result></{name}Response>"
        return 200, "text/xml; charset=utf-8", enveloped(result).encode()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that reset their connection are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body of a small reply leave together
    owner: SoapPeer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.owner.lock:
            self.owner.requests.append((self.path, headers, body))
        status, content_type, answer = self.owner.answer(body)
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Not to the console."""
