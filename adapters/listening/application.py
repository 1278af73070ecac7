"""The ASGI application behind a listener: reads one request whole, submits it, writes the answer."""

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
    limit, system = link.limits.size, link.system

    async def serve(scope: Event, receive: Receive, send: Send) -> None:
        try:
            body, large = await _body(receive, limit)
        except _Gone:
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
            too_many=scope["state"].get("too_many", False),
            too_large=large,
        )
        await _write(send, await submit(inbound), close=large or inbound.too_many)

    return serve


async def _body(receive: Receive, limit: int) -> tuple[bytes, bool]:
    """The body, and whether it is only the beginning of one over `limit`. How long it may take is the protocol's."""
    event = await receive()
    body: bytes = event.get("body", b"")
    size = len(body)
    if size <= limit and event["type"] == "http.request" and not event.get("more_body", False):
        return body, False  # it came with its head: nearly always
    parts = bytearray(body)
    while event["type"] == "http.request" and event.get("more_body", False) and size <= limit * _DRAIN:
        event = await receive()
        part = event.get("body", b"")
        size += len(part)
        parts += part if size <= limit else part[: max(0, _HEAD - len(parts))]
    if event["type"] == "http.disconnect":
        raise _Gone
    return (bytes(parts), False) if size <= limit else (bytes(parts[:_HEAD]), True)


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
