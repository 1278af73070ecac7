"""Seals of outgoing calls: made anew for each attempt, with the login of that system and campus."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.base.errors import BusError, Code
from engine.base.ids import CountedIds
from engine.contract import Login
from engine.model import Built, Context
from engine.sealing.schemes import preset
from engine.sealing.seal import Seals
from engine.sealing.template import Parts
from engine.settings.nodes import parse
from engine.settings.problems import Problems

AT = datetime(2026, 1, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai"))  # 1767225600


def seal_of(text="seal: app-hmac"):
    logins = {("gateway", "main"): Login("app-main", "s-main"), ("gateway", "north"): Login("app-north", "s-north")}
    problems = Problems()
    seal = Seals(lambda system, campus: logins[system, campus], CountedIds())(
        parse(text, "f.yaml", problems).get("seal"), problems
    )
    assert not problems
    return seal


def context(campus="main"):
    return Context(received=AT, now=AT, values={"system": "gateway", "campus": campus})


def test_headers_are_those_that_the_scheme_gives():
    body, headers = seal_of()(Built(b"{}"), "POST /v1/messages?dry=1", context())
    assert body == b"{}"
    told = Parts("POST", "/v1/messages?dry=1", b"{}", "1767225600", headers["X-Nonce"], "app-main", "s-main")
    assert headers == preset("app-hmac").headers_for(told)


def test_every_attempt_has_a_nonce_of_its_own_and_every_campus_its_login():
    seal = seal_of()
    first, second = (seal(Built(b"{}"), "POST /", context())[1] for _ in range(2))
    assert first["X-Nonce"] != second["X-Nonce"]
    assert first["X-Signature"] != second["X-Signature"]
    assert seal(Built(b"{}"), "POST /", context("north"))[1]["X-App-Id"] == "app-north"


def test_milliseconds_where_the_scheme_says_so():
    headers = seal_of("seal: insurance-portal")(Built(b""), "POST /", context())[1]
    assert headers["god-portal-timestamp"] == "1767225600000"


def test_a_row_cannot_be_sealed():
    with pytest.raises(BusError) as caught:
        seal_of()(Built({"a": 1}), "", context())
    assert caught.value.code is Code.VALIDATION_FAILED


def test_a_block_that_cannot_be_used_gives_no_seal():
    problems = Problems()
    node = parse("seal: nothing", "f.yaml", problems).get("seal")
    assert Seals(lambda *_: Login("", ""), CountedIds())(node, problems) is None
    assert len(problems) == 1
