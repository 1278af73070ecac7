"""签名并调用统一接口 · Signs and calls the unified API. Python 3.8 or newer, standard library only.

API=http://127.0.0.1:8080 APP_ID=demo-app APP_SECRET=… python3 call.py GET /api/v1/campuses
… python3 call.py POST /api/v1/patients/search '{"idType":"ID_CARD","idNo":"110101190003070010"}' [IDEMPOTENCY-KEY]
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request


def call(method, path, body="", key=""):
    """The envelope of the answer, of errors too. `path` has its query, percent-encoded; `body` is the JSON to send."""
    raw = body.encode("utf-8")
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    text = "\n".join([method, path, timestamp, nonce, hashlib.sha256(raw).hexdigest()])
    signature = hmac.new(os.environ["APP_SECRET"].encode("utf-8"), text.encode("utf-8"), hashlib.sha256)
    headers = {
        "X-App-Id": os.environ["APP_ID"],
        "X-Timestamp": timestamp,
        "X-Nonce": nonce,
        "X-Signature": signature.hexdigest(),
        "X-Campus": os.environ.get("CAMPUS", "main"),
    }
    if raw:
        headers["Content-Type"] = "application/json"
    if key:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(os.environ["API"] + path, raw or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return json.load(error)


if __name__ == "__main__":
    sys.stdout.buffer.write(json.dumps(call(*sys.argv[1:]), ensure_ascii=False).encode("utf-8"))
