"""Before the entrance: the pages of the API, and browsers that ask whether they may call."""

from html.parser import HTMLParser

import orjson
import pytest
from channel_desk import Desk, app_contracts

from engine.channel.front import Front, Pages
from engine.contract import Inbound
from engine.settings.systems import Cors

HERE, ELSEWHERE = "https://app.hospital.example", "https://other.example"
CONTRACTS = app_contracts()
PAGES = Pages.of(CONTRACTS, {"report.list", "org.campus.list"}.__contains__, ["main", "north"])
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "x-app-id"}


def front(docs="public", cors=None):
    desk = Desk(CONTRACTS)
    desk.serves = {"reports": []}
    return desk, Front(desk.entrance, PAGES, docs, cors)


async def ask(before, path, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await before(Inbound("channel", b"", "127.0.0.1", "", method, path, "", named))
    return answer.status, b"".join(answer.bodies), answer.headers


async def test_the_document_is_served_to_everybody_where_it_is_public():
    _, before = front()
    status, body, headers = await ask(before, "/api/v1/openapi.json")
    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    told = orjson.loads(body)
    assert list(told["paths"]) == ["/api/v1/campuses", "/api/v1/patients/{patientId}/reports"]
    assert told["components"]["parameters"]["X-Campus"]["schema"]["enum"] == ["main", "north"]


class _Page(HTMLParser):
    """What a page asks a browser to fetch, and whether its tables are whole."""

    def __init__(self):
        super().__init__()
        self.fetched, self.headings, self.open = [], [], 0

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.fetched += [named[key] for key in ("src", "href") if key in named and not named[key].startswith("#")]
        self.headings += [named["id"]] if tag == "h2" else []
        self.open += tag == "table"

    def handle_endtag(self, tag):
        self.open -= tag == "table"


async def test_the_page_is_one_document_without_anything_from_elsewhere():
    _, before = front()
    status, body, headers = await ask(before, "/api/v1/docs")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    text, page = body.decode(), _Page()
    page.feed(text)
    assert page.fetched == ["openapi.json"]
    assert "<script" not in text
    assert page.headings == ["errors", "org.campus.list", "report.list"]
    assert page.open == 0
    assert "患者的检验、检查报告列表" in text
    assert "Everything" not in text


async def test_the_pages_are_for_clients_unless_they_are_public():
    desk, before = front(docs="clients")
    status, body, _ = await ask(before, "/api/v1/docs")
    assert (status, orjson.loads(body)["code"]) == (401, "SIGN_INVALID")
    signed = desk.headers("GET", "/api/v1/docs")
    assert (await ask(before, "/api/v1/docs", **signed))[0] == 200
    status, body, _ = await ask(before, "/api/v1/docs", accept_language="en")
    assert orjson.loads(body)["message"] == "The signature is missing or wrong."


async def test_pages_that_are_off_are_not_there():
    desk, before = front(docs="off")
    assert (await ask(before, "/api/v1/openapi.json"))[0] == 401
    assert (await ask(before, "/api/v1/openapi.json", **desk.headers("GET", "/api/v1/openapi.json")))[0] == 404


async def test_a_listed_site_may_ask_without_signing():
    _, before = front(cors=Cors(origins=[HERE], max_age="5m"))
    status, body, headers = await ask(before, "/api/v1/anything", "OPTIONS", origin=HERE, **PREFLIGHT)
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == HERE
    assert headers["access-control-max-age"] == "300"
    assert headers["vary"] == "origin"
    allowed = {one.strip() for one in headers["access-control-allow-headers"].split(",")}
    assert {
        "x-app-id",
        "x-timestamp",
        "x-nonce",
        "x-signature",
        "x-campus",
        "idempotency-key",
        "content-type",
    } <= allowed
    assert "PATCH" in headers["access-control-allow-methods"]


@pytest.mark.parametrize("origin", [ELSEWHERE, "null", f"{HERE}.evil.example", "http://app.hospital.example"])
async def test_another_site_gets_no_permission(origin):
    desk, before = front(cors=Cors(origins=[HERE]))
    status, _, headers = await ask(before, "/api/v1/campuses", "OPTIONS", origin=origin, **PREFLIGHT)
    assert status == 204
    assert not any(name.startswith("access-control") for name in headers)
    path = "/api/v1/patients/P1/reports"
    status, _, headers = await ask(before, path, origin=origin, **desk.headers("GET", path))
    assert status == 200
    assert not any(name.startswith("access-control") for name in headers)


async def test_answers_to_a_listed_site_say_so_and_never_allow_credentials():
    desk, before = front(cors=Cors(origins=[HERE]))
    path = "/api/v1/patients/P1/reports"
    for headers, wanted in ((desk.headers("GET", path), 200), ({}, 401)):
        status, _, told = await ask(before, path, origin=HERE, **headers)
        assert status == wanted
        assert told["access-control-allow-origin"] == HERE
        assert "retry-after" in told["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in told


async def test_without_the_setting_browsers_get_nothing():
    _, before = front()
    status, body, headers = await ask(before, "/api/v1/campuses", "OPTIONS", origin=HERE, **PREFLIGHT)
    assert (status, orjson.loads(body)["code"]) == (401, "SIGN_INVALID")
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize("origin", ["*", "app.hospital.example", "https://app.hospital.example/", "https://*.example"])
def test_a_site_is_named_in_full(origin):
    with pytest.raises(ValueError, match="is not the origin of a web site"):
        Cors(origins=[origin])
