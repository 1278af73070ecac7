"""Whatever comes in, the answer is a typed envelope, never a 500, and nothing is served unsigned."""

import asyncio
import string
from datetime import timedelta
from urllib.parse import quote

import orjson
from channel_desk import MORE, SECRETS, Desk, app_contracts, compiled
from hypothesis import event, given, settings
from hypothesis import strategies as st

from engine.base.errors import Code
from engine.contract import Inbound

METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "X", ""])
PIECES = st.sampled_from(
    [
        "",
        "api",
        "v1",
        "patients",
        "reports",
        "lab",
        "exam",
        "P1",
        "search",
        "..",
        ".",
        "%2F",
        "%00",
        "%E5%BC%A0",
        "%ff",
        "%",
        "{id}",
    ]
)
ASCII = st.text(string.printable, max_size=30)
PATHS = st.one_of(
    st.lists(PIECES, max_size=7).map(lambda parts: "/" + "/".join(parts)),
    st.sampled_from(
        ["/api/v1/patients/P1", "/api/v1/patients/P1/reports", "/api/v1/reports/lab/R1", "/api/v1/patients"]
    ),
    ASCII,
)
QUERIES = st.one_of(
    st.just(""),
    ASCII,
    st.lists(
        st.tuples(st.sampled_from(["kind", "from", "to", "visitNo", "verbose", "page", "x"]), ASCII), max_size=4
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "sex",
                    "fee",
                    "tags",
                    "guardian",
                    "cards",
                    "no",
                    "patient",
                    "reports",
                    "report",
                    "id",
                    "state",
                    "kind",
                    "items",
                    "flag",
                    "报",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
BODIES = st.one_of(st.just(b""), st.binary(max_size=60), JSON.map(orjson.dumps))
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-campus",
            "x-channel",
            "x-request-id",
            "idempotency-key",
            "accept-language",
            "content-type",
            "content-encoding",
        ]
    ),
    st.one_of(st.text(max_size=20), st.sampled_from(["main", "wx-mp", "application/json", "key-00000001", "en"])),
    max_size=5,
)
KNOWN = {code.name for code in Code} | {"OK"}
DESKS = (Desk(compiled(MORE)), Desk(app_contracts()))


def typed(answer):
    body = orjson.loads(answer.bodies[0])
    assert list(body) == ["code", "message", "data", "traceId", "backend"]
    assert body["code"] in KNOWN
    assert body["message"]
    assert answer.status == (200 if body["code"] == "OK" else Code[body["code"]].kind.http)
    for name, value in answer.headers.items():
        assert name.isascii()
        assert value.isascii()
        assert "\n" not in value
    return body


def send(desk, method, path, query, body, headers):
    return asyncio.run(desk.entrance(Inbound("channel", body, "", "", method, path, query, headers)))


@given(st.sampled_from(DESKS), METHODS, PATHS, QUERIES, BODIES, HEADERS, JSON)
@settings(max_examples=400, deadline=None)
def test_signed_calls_of_any_kind(desk, method, path, query, body, headers, served):
    desk.serves = served if isinstance(served, dict) else {}
    whole = f"{path}?{query}" if query else path
    desk.clock.advance(timedelta(seconds=1))  # else the application's pace ends what is tried
    signed = desk.headers(method, whole, body)
    answer = send(desk, method, path, query, body, {**headers, **signed})
    said = typed(answer)
    assert answer.status not in {429, 500}
    if whole.isascii():
        assert said["code"] != "SIGN_INVALID"


OPERATIONS = [
    (0, "GET", "/api/v1/patients/P1", ["verbose", "page"]),
    (0, "POST", "/api/v1/patients", []),
    (0, "GET", "/api/v1/patients/search", []),
    (1, "GET", "/api/v1/patients/P1/reports", ["kind", "from", "to", "visitNo"]),
    (1, "GET", "/api/v1/reports/lab/R1", []),
    (1, "GET", "/api/v1/reports/exam/R1", []),
]
VALUES = st.sampled_from(["LAB", "EXAM", "2026-11-20", "true", "7", "V-1", "", "%E5%BC%A0", "张", "a b"])
NEAR_BODY = st.fixed_dictionaries(
    {"name": st.text(max_size=25)},
    optional={
        "sex": st.sampled_from(["M", "F", "X", 1]),
        "birthDate": st.dates().map(str) | st.text(max_size=10),
        "fee": st.integers(-5, 10**6) | st.floats(0, 9),
        "vip": st.booleans() | st.none(),
        "at": st.datetimes().map(lambda when: f"{when.isoformat()}+08:00") | st.text(max_size=9),
        "tags": st.lists(st.text(max_size=5) | st.integers(0, 9), max_size=4),
        "guardian": st.dictionaries(st.sampled_from(["name", "x"]), st.text(max_size=5), max_size=2),
        "cards": st.lists(st.dictionaries(st.just("no"), st.sampled_from(["C1", "C 1", 1])), max_size=2),
    },
)
REPORT = st.fixed_dictionaries(
    {
        "report_id": st.sampled_from(["R1", "检1", 5, None]),
        "kind": st.sampled_from(["LAB", "LAB", "EXAM", "XX"]),
        "state": st.sampled_from(["final", "final", "corrected", "withdrawn", "preliminary", None]),
    },
    optional={
        "reported_at": st.sampled_from(["2026-11-20T09:00:00+08:00", "2026-11-20", 1]),
        "title": st.text(max_size=5) | JSON,
        "critical": st.booleans() | st.integers(0, 1),
        "items": st.lists(
            st.fixed_dictionaries({"flag": st.sampled_from(["N", "S", None, []]), "value": JSON}), max_size=3
        )
        | JSON,
        "images": st.lists(st.text(max_size=5), max_size=2) | JSON,
    },
)
PATIENT = st.fixed_dictionaries(
    {"id": st.just("P1"), "name": st.text(max_size=5)}, optional={"mobile": JSON, "contacts": JSON, "guardian": JSON}
)
SERVED = [
    PATIENT.map(lambda patient: {"patient": patient}),
    st.lists(REPORT, max_size=3).map(lambda reports: {"reports": reports}),
    REPORT.map(lambda report: {"report": report}),
    JSON.filter(lambda value: isinstance(value, dict)),
]
NEAR = st.sampled_from(OPERATIONS).flatmap(
    lambda one: st.tuples(
        st.just(one), SERVED[0 if one[0] == 0 else 1 if one[2].endswith("reports") else 2] | SERVED[3]
    )
)


@given(NEAR, st.lists(VALUES, max_size=4), NEAR_BODY | JSON, st.booleans())
@settings(max_examples=500, deadline=None)
def test_calls_that_are_nearly_right(near, values, content, odd):
    (which, method, path, names), served = near
    desk = DESKS[which]
    desk.serves = served
    desk.clock.advance(timedelta(seconds=1))
    query = quote("&".join(f"{name}={value}" for name, value in zip(names, values, strict=False)), safe="&=%+")
    body = orjson.dumps(content) if method == "POST" else b""
    headers = {"content-type": "application/json", "idempotency-key": "short" if odd else "key-00000001"}
    whole = f"{path}?{query}" if query else path
    answer = send(desk, method, path, query, body, {**headers, **desk.headers(method, whole, body)})
    event(typed(answer)["code"])
    assert answer.status in {200, 400, 404, 409, 502}


@given(
    st.sampled_from(DESKS),
    METHODS,
    PATHS,
    QUERIES,
    BODIES,
    st.dictionaries(
        st.sampled_from(["x-app-id", "x-timestamp", "x-nonce", "x-signature", "x-campus"]),
        st.one_of(st.text(max_size=70), st.sampled_from([*SECRETS, "1795136400", "nonce-000001"])),
    ),
)
@settings(max_examples=200, deadline=None)
def test_calls_without_a_signature_of_any_kind(desk, method, path, query, body, headers):
    before = len(desk.asked)
    answer = send(desk, method, path, query, body, headers)
    assert typed(answer)["code"] == "SIGN_INVALID"
    assert len(desk.asked) == before
