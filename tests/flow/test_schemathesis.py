"""schemathesis against the document that the bus serves, with the simulated hospital behind: every answer, to what fits
the document and to what does not, is one that the document names.
"""

import hashlib
import hmac
import json
import secrets
import time
import urllib.request

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.flow.house import House
from tests.flow.site import secret

EXAMPLES = 6
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
BEHIND = {"BACKEND_FORMAT", "BACKEND_REJECTED", "BACKEND_TIMEOUT", "BACKEND_UNAVAILABLE", "BUSY"}
"""What a system behind may be to blame for: everything else with 5xx is the bus's own fault."""

UNSAID = {"campusId", "partnerId", "query"}
"""What no schema of a parameter can say: what must be as the caller's own is, which of several must be there."""
NO_SUCH = "没有这样的取值"
"""What only the hospital can know: which ids there are, which dictionaries it has."""


class Signed(AuthBase):
    """Signs what goes over the wire, whatever headers the case made up for that."""

    def __init__(self, app: str, key: str) -> None:
        self._app, self._key = app, key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        text = "\n".join((request.method, request.path_url, stamp, nonce, hashlib.sha256(raw).hexdigest()))
        signature = hmac.new(self._key.encode(), text.encode(), hashlib.sha256).hexdigest()
        request.headers.update(
            {
                "X-App-Id": self._app,
                "X-Timestamp": stamp,
                "X-Nonce": nonce,
                "X-Signature": signature,
            }
        )
        return request


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One for these tests alone: what they do there, they do at random."""
    with House(tmp_path_factory.mktemp("fuzzed")) as made:
        yield made


@pytest.fixture(scope="module")
def document(house: House):
    with urllib.request.urlopen(f"http://127.0.0.1:{house.bus.http}/api/v1/openapi.json", timeout=10) as answer:
        return json.load(answer)


def operations(document):
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", [POSITIVE, NEGATIVE], ids=lambda mode: mode.value)
def test_every_answer_is_documented(house: House, document, mode):
    where = f"http://127.0.0.1:{house.bus.http}"
    signed = Signed("demo-app", secret(house.site, "demo_app_secret"))
    codes: dict[str, int] = {}

    def ask(case) -> None:
        case.headers.setdefault("X-Campus", "main")  # `demo-app` has several
        answer = case.call(base_url=where, auth=signed, timeout=60)
        case.validate_response(answer, checks=CHECKS, additional_checks=[])
        said = answer.json()["code"]
        codes[said] = codes.get(said, 0) + 1
        if mode is POSITIVE and said == "VALIDATION_FAILED" and answer.json()["backend"] is None:
            faults = answer.json()["data"]["fields"]
            assert all(one["field"] in UNSAID or one["reason"] == NO_SUCH for one in faults), (operation.label, faults)
        if said not in BEHIND:
            case.validate_response(answer, checks=[not_a_server_error])

    for operation in operations(document):
        bounded = settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        bounded(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    assert "SIGN_INVALID" not in codes, "every case was signed"
    assert ("VALIDATION_FAILED" if mode is NEGATIVE else "OK") in codes, codes
