"""How commands reach the running bus: one JSON line asks, one JSON line answers.

    {"do": "retry", "with": {"id": "01k…", "step": "store", "reason": "…"}}
    {"done": …}      or      {"error": {"code": "STATE_CONFLICT", "what": "…"}}

On POSIX the door is a socket file that only the bus's own user may open. Windows has no such thing
for asyncio: there it is a loopback port, and the file, open to the same user only, holds the port
and a token that each line must bring.
"""

import asyncio
import hmac
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from engine.base import log
from engine.base.errors import BusError, Code
from engine.base.ids import Ids

Handler: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""A command: gets what stands under `with`, gives what JSON can carry, raises BusError."""

_LINE = 64 * 1024 * 1024  # a corrected body rides in a line
_LONGEST_PATH = 100  # of a socket file: 108 bytes on Linux, 104 elsewhere

_log = log.get("control")


class ControlTaken(Exception):
    """Another bus answers at this path: this one must not start."""


class ControlServer:
    """The door of one running bus. `tcp` is for systems without socket files."""

    def __init__(self, path: Path, commands: Mapping[str, Handler], ids: Ids, *, tcp: bool = os.name == "nt") -> None:
        self._path = path
        self._commands = dict(commands)
        self._token = ids.token() if tcp else ""
        self._tcp = tcp
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens. Raises ControlTaken when another bus answers there, OSError when it cannot listen."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if await asyncio.to_thread(is_answered, self._path):
            raise ControlTaken(str(self._path))
        self._path.unlink(missing_ok=True)  # left behind by a bus that was killed
        if self._tcp:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LINE)
            port = self._server.sockets[0].getsockname()[1]
            _write_private(self._path, json.dumps({"port": port, "token": self._token}))
        else:
            self._server = await asyncio.start_unix_server(self._serve, sock=_private_socket(self._path), limit=_LINE)

    async def stop(self) -> None:
        """Takes no more commands and removes the file."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ValueError):  # the other side went away, or wrote a line without end
            while line := await reader.readline():
                writer.write(json.dumps(await self._do(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _do(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            name, arguments, token = asked["do"], asked.get("with", {}), asked.get("token", "")
        except (ValueError, TypeError, KeyError, AttributeError):
            return _error(Code.NOT_READABLE, "a line is {do, with}")
        if self._tcp and not hmac.compare_digest(str(token).encode(), self._token.encode()):
            return _error(Code.PERMISSION_DENIED, "the token is wrong")
        handler = self._commands.get(name)
        if handler is None:
            return _error(Code.NOT_FOUND, f"there is no command of that name; known: {', '.join(self._commands)}")
        try:
            return {"done": await handler(arguments)}
        except BusError as error:
            return _error(error.code, error.detail or error.code.kind.en)
        except Exception as error:  # noqa: BLE001 - whatever a command breaks, the bus lives on and the caller hears it
            _log.error("command_failed", task=name, error=type(error).__name__)
            return _error(Code.INTERNAL, type(error).__name__)


def is_answered(path: Path) -> bool:
    """Whether a running bus answers at this path. Blocks for a moment at most."""
    try:
        with connect(path, timeout=1.0)[0]:
            return True
    except OSError:
        return False


def connect(path: Path, timeout: float | None = None) -> tuple[socket.socket, str]:
    """A connection to the bus at this path, and the token that its lines need. Raises OSError."""
    if path.is_socket():
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.settimeout(timeout)
        try:
            door.connect(str(path))
        except OSError:
            door.close()
            raise
        return door, ""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        port, token = int(written["port"]), str(written["token"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectionRefusedError("the control file is not a bus's own") from error
    return socket.create_connection(("127.0.0.1", port), timeout=timeout), token


def _error(code: Code, what: str) -> dict[str, Any]:
    return {"error": {"code": code.name, "what": what}}


def _private_socket(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(f"control.path is too long for a socket file, at most {_LONGEST_PATH} bytes: name another place")
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # the file is private from its first moment
    try:
        door.bind(str(path))
    except OSError:
        door.close()
        raise
    finally:
        os.umask(before)
    return door


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
