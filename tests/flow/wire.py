"""What peers of the bus do, written from the protocols: MLLP over a plain socket, and the signed channel API."""

import hashlib
import hmac
import http.client
import json
import secrets
import socket
import time
from typing import Any, Self

_START, _END = b"\x0b", b"\x1c\r"
_JSON = {"Content-Type": "application/json; charset=utf-8"}


class MllpLine:
    """One connection of a blocking MLLP sender."""

    def __init__(self, port: int, *, seconds: float = 10.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, message: bytes) -> None:
        self._socket.sendall(_START + message + _END)

    def receive(self) -> bytes:
        """The next frame's content. Raises EOFError where the bus hangs up, TimeoutError where it is silent."""
        while _END not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("the bus hung up")
            self._buffer += data
        frame, self._buffer = self._buffer.split(_END, 1)
        assert frame.startswith(_START), "an answer begins with 0x0B"
        return frame[1:]

    def ask(self, message: bytes) -> bytes:
        self.send(message)
        return self.receive()


def verdict(answer: bytes) -> tuple[str, bytes]:
    """(MSA-1, MSA-2) of an acknowledgement; MSA-2 as the bytes it is."""
    header, *segments = answer.split(b"\r")
    separator = header[3:4]
    said = next(segment.split(separator) for segment in segments if segment.startswith(b"MSA" + separator))
    return said[1].decode("ascii"), said[2] if len(said) > 2 else b""


class App:
    """A channel application: signs and calls the unified API."""

    def __init__(self, port: int, name: str, secret: str) -> None:
        self.port, self.name, self._secret = port, name, secret

    def get(self, path: str, campus: str | None = "main", **changed: str) -> tuple[int, dict[str, Any]]:
        """Status and envelope. `changed` replaces headers that were signed: a forger's way."""
        headers = self.signed("GET", path, b"", campus)
        return _get(self.port, path, headers | {name.replace("_", "-"): value for name, value in changed.items()})

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        campus: str = "main",
    ) -> tuple[int, dict[str, Any]]:
        """Status and envelope of any operation; `key` is its Idempotency-Key."""
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return _ask(self.port, method, path, self.signed(method, path, raw, campus, key) | _JSON, raw)

    def signed(
        self, method: str, path: str, raw: bytes, campus: str | None = "main", key: str | None = None
    ) -> dict[str, str]:
        """The headers of a call, signed now."""
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        text = "\n".join((method, path, stamp, nonce, hashlib.sha256(raw).hexdigest()))
        signature = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        headers = {"X-App-Id": self.name, "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": signature}
        said = {"X-Campus": campus, "Idempotency-Key": key}
        return headers | {name: value for name, value in said.items() if value is not None}


def unsigned(port: int, path: str) -> tuple[int, dict[str, Any]]:
    """The same call by somebody nobody knows."""
    return _get(port, path, {"X-Campus": "main"})


def _get(port: int, path: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    return _ask(port, "GET", path, headers, b"")


def _ask(port: int, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body=raw or None, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
