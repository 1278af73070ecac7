"""Who may call: an app id and an HMAC over the request, fresh, and never the same nonce twice.

To sign: METHOD, path with query, timestamp, nonce, lower-case hex SHA-256 of the body, joined by line feeds;
the signature is the lower-case hex HMAC-SHA256 of that under the app's secret. The headers are `X-App-Id`,
`X-Timestamp` (seconds since 1970), `X-Nonce` (8 to 64 characters) and `X-Signature`.
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256

from sandbox.store import Store

WINDOW = 300
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Unsigned(Exception):
    """The request is refused; the text says why, and never what would have been right."""


def sign(secret: bytes, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    text = "\n".join((method, path, timestamp, nonce, sha256(body).hexdigest()))
    return hmac.new(secret, text.encode(), sha256).hexdigest()


class Guard:
    """Checks requests of the apps it knows; used nonces are remembered as long as their window."""

    def __init__(self, store: Store, secrets: Mapping[str, bytes]) -> None:
        self._store = store
        self._secrets = secrets

    def check(self, method: str, path: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """Gives the app id, or raises Unsigned. `now`: seconds, by the clock of the system that is called."""
        app = headers.get("X-App-Id", "")
        timestamp = headers.get("X-Timestamp", "")
        nonce = headers.get("X-Nonce", "")
        missing = [name for name in ("X-App-Id", "X-Timestamp", "X-Nonce", "X-Signature") if not headers.get(name)]
        if missing:
            raise Unsigned(f"缺少请求头 {missing[0]}")
        secret = self._secrets.get(app)
        if secret is None:
            raise Unsigned("应用不存在")
        if not timestamp.isascii() or not timestamp.isdigit() or abs(int(timestamp) - now) > WINDOW:
            raise Unsigned("时间戳无效或超出300秒")
        if not _NONCE.fullmatch(nonce):
            raise Unsigned("随机串格式错误")
        if not hmac.compare_digest(sign(secret, method, path, timestamp, nonce, body), headers["X-Signature"]):
            raise Unsigned("签名错误")
        self._use(app, nonce, int(now))
        return app

    def _use(self, app: str, nonce: str, now: int) -> None:
        """Only a rightly signed request uses its nonce up: nobody else can spend it."""
        self._store.run("delete from nonces where until < ?", now)
        added = self._store.run(
            "insert into nonces values (?, ?, ?) on conflict do nothing", app, nonce, now + 2 * WINDOW
        )
        if not added:
            raise Unsigned("随机串重复")
