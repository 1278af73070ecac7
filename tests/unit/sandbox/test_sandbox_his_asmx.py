"""The second style of the HIS: an .asmx, strict in its own words, over the same numbers, faults and ledger."""

import io
from xml.sax.saxutils import escape

import pytest
from his_caller import HisCaller
from lxml import etree
from zeep.wsdl import Document

from sandbox.his.asmx.methods import METHODS
from sandbox.his.asmx.soap import PATH

SPACE = "http://tempuri.org/"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
PATIENT = "0000000007"


class Asmx:
    def __init__(self, his: HisCaller) -> None:
        self.his = his
        self.url = his.url.partition("/dthealth")[0] + PATH

    async def post(self, method: str, inner: str, action: str | None = None, space: str = SPACE) -> tuple[int, bytes]:
        body = (
            f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><{method} xmlns="{space}"><input>{escape(inner)}</input>'
            f"</{method}></s:Body></s:Envelope>"
        ).encode()
        head = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action or SPACE + method}"'}
        async with self.his.session.post(self.url, data=body, headers=head) as answer:
            return answer.status, await answer.read()

    async def text(self, method: str, **tags: str) -> str:
        frame = {"operCode": "YYT001", "branch": "1"} | tags
        inner = "".join(f"<{name}>{text}</{name}>" for name, text in frame.items())
        status, body = await self.post(method, f"<Request>{inner}</Request>")
        assert status == 200, body
        return etree.fromstring(body).findtext(f".//{{{SPACE}}}{method}Result") or ""

    async def call(self, method: str, **tags: str) -> dict[str, str]:
        """Every tag of the answer by its name; of rows, those of the last."""
        root = etree.fromstring(await self.text(method, **tags))
        return {str(one.tag): one.text or "" for one in root.iter() if not len(one)}


@pytest.fixture
def asmx(his: HisCaller) -> Asmx:
    return Asmx(his)


async def lock(asmx: Asmx, schedule: str, **tags: str) -> dict[str, str]:
    wish = {"schemaID": schedule, "patientNO": PATIENT, "beginTime": "08:00", "endTime": "08:30"} | tags
    return await asmx.call("LockShema", **wish)


async def test_its_wsdl_names_every_method_with_one_string(asmx: Asmx) -> None:
    async with asmx.his.session.get(asmx.url + "?WSDL") as answer:
        found = Document(io.BytesIO(await answer.read()), None)  # type: ignore[arg-type]
    port = found.services["BookingService"].ports["BookingServiceSoap"]
    operations = port.binding.all()
    assert set(operations) == set(METHODS)
    assert port.binding_options["address"] == asmx.url
    for name, operation in operations.items():
        assert operation.soapaction == SPACE + name
        assert [part for part, _ in operation.input.body.type.elements] == ["input"]
        assert [part for part, _ in operation.output.body.type.elements] == [f"{name}Result"]


async def test_a_number_is_locked_booked_and_given_back_in_the_one_ledger(asmx: Asmx) -> None:
    schedule = await asmx.his.schedule()
    offered = await asmx.call("GetShemaInfo", beginTime="2026-11-21", endTime="2026-11-21", deptCode="1001")
    assert offered["returnCode"] == "1"
    held = await lock(asmx, schedule, bookingNO="P1")
    assert (held["returnCode"], held["schemaID"], held["seeDate"]) == ("1", schedule, "2026-11-21")
    made = await asmx.call("InsertBooking", lockNO=held["lockNO"], patientNO=PATIENT, schemaID=schedule, bookingNO="P2")
    assert (made["returnCode"], made["bookingTime"]) == ("1", "2026-11-21 08:00-08:30")
    assert (await asmx.call("GetBookingState", bookingNO="P2"))["state"] == "20"
    shown = await asmx.call("QueryAppAppointRecords", patientNo=PATIENT, bookingID=made["bookingID"])
    assert (shown["stateName"], shown["payFlag"], shown["returnFlag"]) == ("正常", "0", "1")
    assert (await asmx.his.call("QueryRegStatus", PayOrdId="P2"))["RegStatus"] == "B", "the trades see the same booking"
    assert (await asmx.call("CancelBooking", bookingID=made["bookingID"], bookingNO="P3"))["returnCode"] == "1"
    again = await asmx.call("CancelBooking", bookingID=made["bookingID"])
    assert (again["returnCode"], again["returnDesc"]) == ("0", "该预约已取消,不能重复取消")
    acts = (await asmx.his.admin(f"/his/acts?patient={PATIENT}"))["rows"]
    assert [act["act"] for act in acts] == ["cancelled", "book", "lock"]


async def test_rows_say_what_is_taken_and_what_is_left(asmx: Asmx) -> None:
    schedule = await asmx.his.schedule(total=24)
    await lock(asmx, schedule)
    text = await asmx.text("GetShemaInfo", beginTime="2026-11-21", endTime="2026-11-21", deptCode="1001")
    rows = {row.findtext("schemaID"): row for row in etree.fromstring(text).iterfind("Items/Item")}
    found = rows[schedule]
    assert [found.findtext(tag) for tag in ("telLimit", "telReged", "telLeft", "noonCode", "validFlag")] == [
        "24", "1", "23", "1", "1",
    ]  # fmt: skip
    points = etree.fromstring(await asmx.text("GetShemaPointInfo", schemaID=schedule)).findall(
        "Items/Item/Points/Point"
    )
    assert (len(points), points[0].findtext("freeFlag"), points[1].findtext("freeFlag")) == (24, "0", "1")


@pytest.mark.parametrize(
    ("method", "tags", "code", "says"),
    [
        ("GetDeptInfo", {"operCode": "X"}, "-1", "参数错误:operCode不存在"),
        ("GetDeptInfo", {"branch": ""}, "-1", "参数错误:branch不能为空"),
        ("GetDeptInfo", {"TradeCode": "1012"}, "-1", "参数错误:未知节点:TradeCode"),
        ("GetShemaPointInfo", {}, "-1", "参数错误:schemaID不能为空"),
        ("GetShemaInfo", {"beginTime": "21.11.2026"}, "-1", "参数错误:beginTime格式错误,应为YYYY-MM-DD"),
        ("GetShemaInfo", {"noonCode": "S"}, "-1", "参数错误:noonCode应为1,2,3之一"),
        ("GetExistProfile", {"patientNo": "9"}, "0", "查询不到相关数据"),
        ("UnLockShema", {"lockNO": "LK9"}, "0", "锁号记录不存在"),
    ],
)
async def test_a_no_is_said_in_its_own_words(
    asmx: Asmx, method: str, tags: dict[str, str], code: str, says: str
) -> None:
    found = await asmx.call(method, **tags)
    assert (found["returnCode"], found["returnDesc"]) == (code, says)


async def test_envelopes_that_are_not_right_are_faults(asmx: Asmx) -> None:
    request = "<Request><operCode>YYT001</operCode><branch>1</branch></Request>"
    for method, action, space in (
        ("GetDeptInfo", SPACE + "GetDocInfo", SPACE),
        ("GetDeptInfo", "http://www.dhcc.com.cn/GetDeptInfo", SPACE),
        ("GetDeptInfo", None, "http://www.dhcc.com.cn"),
        ("QueryDepartment", None, SPACE),
    ):
        status, body = await asmx.post(method, request, action, space)
        assert (status, etree.fromstring(body).findtext(".//faultcode")) == (500, "soap:Client"), body


async def test_faults_of_a_trade_befall_its_method(asmx: Asmx) -> None:
    held = await lock(asmx, await asmx.his.schedule())
    wish = {"lockNO": held["lockNO"], "schemaID": held["schemaID"], "patientNO": PATIENT, "bookingNO": "P2"}
    request = f"<Request><operCode>YYT001</operCode><branch>1</branch><schemaID>{held['schemaID']}</schemaID></Request>"

    async def fault(kind: str) -> None:
        await asmx.his.admin("/faults", {"system": "his.BookService", "kind": kind, "times": 1})

    await fault("soap_fault")
    status, body = await asmx.post("InsertBooking", request)
    assert (status, etree.fromstring(body).findtext(".//faultcode")) == (500, "soap:Server")
    await fault("ze_error")
    failed = await asmx.call("InsertBooking", **wish)
    assert (failed["returnCode"], failed["returnDesc"][:11]) == ("-1", "<UNDEFINED>")
    assert (await asmx.call("GetBookingState", bookingNO="P2"))["returnCode"] == "0", "nothing was done"
    await fault("broken_xml")
    torn = await asmx.text("InsertBooking", **wish)
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(torn)
    assert (await asmx.call("GetBookingState", bookingNO="P2"))["state"] == "20", "it was done all the same"
