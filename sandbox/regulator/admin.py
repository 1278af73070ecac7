"""What port 9000 can do with the regulator's platform: its ledger, its days, and an open look at any sealed request."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.regulator import days
from sandbox.regulator.envelope import Unreadable, opened, sealed, sign_string, signature_fault, sm3
from sandbox.reports import Mistake

if TYPE_CHECKING:
    from sandbox.regulator.platform import Channel, Platform
    from sandbox.store import Store

_MOST = 5000
FILTERS = {"records": {"method", "name"}, "calls": {"method"}, "days": set[str](), "compare": {"verdict"}}
"""What can be looked at, and what each may be narrowed down by."""


class Desk:
    """Each act and view takes an object and gives one, ready to be shown."""

    def __init__(self, platform: Platform, store: Store, private: Callable[[], set[str]]) -> None:
        """`private`: the numbers that the hospital may not report."""
        self._platform, self._store, self._private = platform, store, private

    def view(self, name: str, asked: dict[str, str]) -> dict[str, Any]:
        """One of the ledgers, newest first."""
        if unknown := set(asked) - FILTERS[name] - {"limit"}:
            raise Mistake(f"unknown parameter {', '.join(sorted(unknown))}")
        limit = min(int(asked.get("limit", "100")), _MOST)
        ledger = self._platform.ledger
        match name:
            case "compare":
                found = ledger.compare(self._private())
                if wanted := asked.get("verdict"):
                    found["rows"] = [row for row in found["rows"] if row["verdict"] == wanted]
                return found
            case "records":
                rows = ledger.records(asked.get("method"), asked.get("name"), limit)
            case "calls":
                rows = ledger.calls(asked.get("method"), limit)
            case _:
                rows = days.shown(self._store, times.now())
        return {"count": len(rows), "rows": rows}

    def paint(self, body: dict[str, Any]) -> dict[str, Any]:
        """Makes a day green or red, whatever came in."""
        if set(body) != {"day", "colour"}:
            raise Mistake("the body names a day and a colour")
        days.paint(self._store, date.fromisoformat(str(body["day"])), str(body["colour"]))
        return {"day": body["day"], "colour": body["colour"]}

    def seal(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body and the digest of a request whose plain text is `rows`, to hold one's own beside."""
        if not isinstance(body.get("rows"), list):
            raise Mistake("rows is an array")
        plain = json.dumps(body["rows"], ensure_ascii=False, separators=(",", ":")).encode()
        made = sealed(plain, self._channel(body).secret)
        return {"body": made.decode("ascii"), "X-Content-MD5": sm3(made)}

    def open(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the platform makes of `headers` and `body` of a request, step by step; nothing is taken."""
        headers, text = body.get("headers"), body.get("body")
        if not isinstance(headers, dict) or not isinstance(text, str):
            raise Mistake("headers is an object, body the hexadecimal text")
        raw = text.encode()
        try:
            plain, trouble = opened(raw, self._channel(body).secret).decode("utf-8"), ""
        except (Unreadable, UnicodeDecodeError) as error:
            plain, trouble = "", str(error)
        whole = {"x-ca-signature": "", "x-ca-signature-headers": "", "x-content-md5": ""}
        whole |= {str(name).lower(): str(value) for name, value in headers.items()}
        string = sign_string(whole)
        return {
            "plain": plain,
            "trouble": trouble,
            "X-Content-MD5": sm3(raw),
            "sign_string": string,
            "X-Ca-Signature": sm3(string.encode()),
            "signature_fault": signature_fault(whole, raw),
        }

    def _channel(self, body: dict[str, Any]) -> Channel:
        wanted = str(body.get("channel", ""))
        for path, channel in self._platform.channels.items():
            if wanted in (path, "") or channel.key == wanted:
                return channel
        raise Mistake(f"no channel {wanted}; there are {', '.join(self._platform.channels)}")
