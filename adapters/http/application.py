"""The ASGI application behind a listener: reads one request whole, submits it, writes the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from engine.contract import Answer, Inbound, Link, Submit

Event: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]

_HEAD = 64 * 1024
_DRAIN = 4
"""How many times the limit is read and dropped, so that a caller who sends it all still hears the answer."""


class _Gone(Exception):
    """The caller left before its request was whole."""


def application(link: Link, submit: Submit) -> Callable[[Event, Receive, Send], Awaitable[None]]:
    """What uvicorn calls for each request."""
    limit, patience, system = link.limits.size, link.limits.total, link.system

    async def serve(scope: Event, receive: Receive, send: Send) -> None:
        try:
            body, large = await _body(receive, limit, patience)
        except _Gone:
            return
        except TimeoutError:
            await _write(send, Answer(status=408, close=True))
            return
        inbound = Inbound(
            system=system,
            raw=body,
            remote=scope["client"][0] if scope["client"] else "",
            client=scope["state"].get("client", ""),
            method=scope["method"],
            path=scope["raw_path"].decode("ascii"),
            query=scope["query_string"].decode("ascii"),
            headers=_headers(scope["headers"]),
            too_large=large,
        )
        await _write(send, await submit(inbound), close=large)

    return serve


async def _body(receive: Receive, limit: int, patience: float) -> tuple[bytes, bool]:
    """The body, and whether it is only the beginning of one over `limit`.

    Raises TimeoutError when nothing comes for `patience` seconds.
    """
    loop = asyncio.get_running_loop()
    body = bytearray()
    size = 0
    async with asyncio.timeout(patience) as wait:
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _Gone
            part = event.get("body", b"")
            size += len(part)
            if size <= limit:
                body += part
            else:
                body += part[: max(0, _HEAD - len(body))]
            if not event.get("more_body", False) or size > limit * _DRAIN:
                break
            wait.reschedule(loop.time() + patience)
    return (bytes(body), False) if size <= limit else (bytes(body[:_HEAD]), True)


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case; a name that came more than once has its values joined by a comma (RFC 9110 §5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _write(send: Send, answer: Answer, *, close: bool = False) -> None:
    body = b"".join(answer.bodies)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-length", b"%d" % len(body)))
    if answer.close or close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
