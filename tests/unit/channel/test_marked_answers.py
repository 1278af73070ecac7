"""Answers that are not quite what was asked for say so: old ones, and those without a part."""

from engine.base.clock import SECOND
from engine.model import Missing, Served

FOUND = {"patient": {"id": "P1", "name": "张三"}}
PATH = "/api/v1/patients/P1"


async def test_a_stale_answer_says_so(desk):
    since = desk.clock.now() - 90 * SECOND
    desk.serves = Served(FOUND, system="his", stale=True, stale_since=since)
    _, body, headers = await desk.call("GET", PATH)
    assert body["code"] == "OK"
    assert "最近一次" in body["message"]
    assert headers["age"] == "90"


async def test_an_answer_that_is_not_whole_names_who_is_missing(desk):
    desk.serves = Served(FOUND, missing=(Missing("exam", "BACKEND_TIMEOUT"),))
    status, body, headers = await desk.call("GET", PATH)
    assert (status, body["code"]) == (200, "OK")
    assert "不完整" in body["message"]
    assert body["missing"] == [{"part": "exam", "code": "BACKEND_TIMEOUT"}]
    assert "age" not in headers
