"""What the SOAP client writes: envelopes from any WSDL equal zeep's own, and those by hand equal both."""

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from zeep import Settings
from zeep.wsdl import Document
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding
from zeep.xsd import String

import adapters
from adapters.soap import their_wsdl
from adapters.soap.envelope import Envelope
from engine.contract import Prepared, Refused
from tests.corpora import CORPORA, need

need()
SOAP = adapters.load("soap")
ATTACKS = CORPORA / "xml-attacks-defusedxml"
FOLDERS = [CORPORA / name for name in ("wsdl-zeep/wsdl_files", "wsdl-zeep/integration", "wsdl-cxf-testutils")]
WSDLS = [file for folder in FOLDERS for file in sorted(folder.glob("*.wsdl"))]
MESSAGE = "<Request><姓名>张三 & 李四</姓名>\r\n]]></Request>"


def files(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


FILES = {folder: files(folder) for folder in FOLDERS}


class _Beside:
    """zeep's own reading gets files from the disk and nothing from any network."""

    def load(self, url: str) -> bytes:
        if "://" in url:
            raise OSError("no network")
        return Path(url).read_bytes()


def by_zeep(file: Path) -> Any:
    """zeep's reading of the same file; None where it refuses it."""
    try:
        return Document(str(file), _Beside(), settings=Settings(strict=True))  # type: ignore[arg-type]  # all it needs
    except Exception:
        return None


def prepared(
    files: dict[str, bytes], method: str | None = "Ask", own: dict[str, Any] | None = None, **profile: Any
) -> Prepared:
    assert SOAP.prepare is not None
    options = {"ask": SOAP.operation_options(operation=method, **(own or {}))}
    return SOAP.prepare(SOAP.profile_options(**profile), options, files)


def envelope(*args: Any, **kwargs: Any) -> Envelope:
    made = prepared(*args, **kwargs)
    assert not made.findings
    found = made.operations["ask"]
    assert isinstance(found, Envelope)
    return found


def canonical(xml: Any) -> bytes:
    written = io.BytesIO()
    etree.ElementTree(etree.fromstring(xml) if isinstance(xml, bytes) else xml).write_c14n(written)
    return written.getvalue()


def ports(document: Any) -> list[tuple[str, Any]]:
    return [
        (service.name, port)
        for service in document.services.values()
        for port in service.ports.values()
        if isinstance(port.binding, Soap11Binding | Soap12Binding)
    ]


# --- against zeep, over everything that others wrote ----------------------------------------------


@pytest.mark.parametrize("file", WSDLS, ids=lambda file: file.name)
def test_a_wsdl_is_read_where_zeep_reads_it_or_refused_by_name(file: Path) -> None:
    document, services = by_zeep(file), None
    with suppress(their_wsdl.Unreadable):
        services = their_wsdl.read(file.name, FILES[file.parent])
    assert (services is None) == (document is None)
    if services is None or document is None:
        (finding,) = prepared(FILES[file.parent], wsdl=file.name).findings
        assert 0 < len(finding.what) <= 300
        return
    read = {(name, port): set(inside[port][1]) for name, inside in services.items() for port in inside}
    assert read == {(service, port.name): set(port.binding.all()) for service, port in ports(document)}


def test_the_corpus_is_there_and_most_of_it_is_read() -> None:
    assert len(WSDLS) >= 58
    assert sum(by_zeep(file) is not None for file in WSDLS) >= 45


@pytest.mark.parametrize("file", WSDLS, ids=lambda file: file.name)
def test_every_envelope_is_the_one_that_zeep_makes(file: Path) -> None:
    document = by_zeep(file)
    for service, port in ports(document) if document is not None else ():
        version = "1.1" if isinstance(port.binding, Soap11Binding) else "1.2"
        for name, operation in port.binding.all().items():
            made = prepared(FILES[file.parent], name, wsdl=file.name, service=service, port=port.name, version=version)
            if made.findings:
                continue  # no single string in or out: which, says the finding
            ours = made.operations["ask"]
            body = operation.input.body
            texts = [key for key, element in getattr(body.type, "elements", ()) if isinstance(element.type, String)]
            theirs = operation.create(**{texts[0]: MESSAGE}) if texts else operation.create(MESSAGE)
            assert canonical(ours.write(MESSAGE.encode())) == canonical(theirs.content)
            port.binding._set_http_headers(theirs, operation)
            assert {key.lower(): value for key, value in ours.headers.items() if key == "SOAPAction"} == (
                {"soapaction": theirs.headers["SOAPAction"]} if version == "1.1" else {}
            )
            assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


def test_an_envelope_by_hand_is_the_one_of_the_wsdl() -> None:
    compared = 0
    for file in WSDLS:
        document = by_zeep(file)
        for service, port in ports(document) if document is not None else ():
            for name, operation in port.binding.all().items():
                version = "1.1" if isinstance(port.binding, Soap11Binding) else "1.2"
                told = {"wsdl": file.name, "service": service, "port": port.name, "version": version}
                made = prepared(FILES[file.parent], name, **told)
                inner = list(getattr(operation.input.body.type, "elements", ())) if operation.input.body else []
                if made.findings or not inner or operation.input.body.qname.namespace is None:
                    continue
                body, (argument, element) = operation.input.body, inner[0]
                by_hand = envelope(
                    {}, body.qname.localname, namespace=body.qname.namespace, argument=argument, version=version,
                    qualified=element.qname.namespace is not None, action=operation.soapaction or "",
                )  # fmt: skip
                ours = made.operations["ask"]
                assert canonical(by_hand.write(b"x")) == canonical(ours.write(b"x"))
                assert by_hand.headers == ours.headers
                compared += 1
    assert compared > 50


# --- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("cdata", [False, True])
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=9), max_size=30)
)
def test_any_message_arrives_as_it_was(cdata: bool, message: str) -> None:
    made = envelope({}, namespace="urn:his", argument="input", parameters={"funCode": "a<b>&\"'"}, cdata=cdata)
    if any(ord(char) < 32 and char not in "\t\n\r" for char in message):
        with pytest.raises(Refused, match="not_sendable"):
            made.write(message.encode())
        return
    root = etree.fromstring(made.write(message.encode()))
    fun, text = root[0][0]
    assert fun.text == "a<b>&\"'"
    # In a CDATA section nothing can be escaped: XML reads every line end as a line feed.
    assert (text.text or "") == (message.replace("\r\n", "\n").replace("\r", "\n") if cdata else message)


@pytest.mark.parametrize("message", [b"\xd5\xc5", b"a\x00", b"\x1f", "\uffff".encode()])
def test_bytes_that_no_envelope_can_carry_are_refused(message: bytes) -> None:
    with pytest.raises(Refused, match="not_sendable") as refusal:
        envelope({}, namespace="urn:his", argument="input").write(message)
    assert refusal.value.__context__ is None


def test_one_common_method_stands_behind_all_trades() -> None:
    made = prepared({}, None, {"parameters": {"funCode": "GetPatInfo"}}, namespace="urn:his",
                    operation="CommonMethod", argument="input", parameters={"v": "1"})  # fmt: skip
    root = etree.fromstring(made.operations["ask"].write(b"<Request/>"))
    assert [(etree.QName(each).localname, each.text) for each in root[0][0]] == [
        ("v", "1"), ("funCode", "GetPatInfo"), ("input", "<Request/>"),
    ]  # fmt: skip


# --- attacks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(ATTACKS.glob("*.x*")), ids=lambda file: file.name)
def test_an_attack_is_no_wsdl(file: Path) -> None:
    made = prepared({"a.wsdl": file.read_bytes()}, wsdl="a.wsdl")
    assert made.findings
    assert not made.operations


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:9/x.xsd", "file:///etc/passwd", "/etc/passwd", "../../etc/passwd", "none.xsd"]
)
def test_nothing_is_imported_but_files_of_the_release(place: str) -> None:
    wsdl = f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:a"><types>
        <schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:b">
        <import namespace="urn:c" schemaLocation="{place}"/></schema></types></definitions>"""
    (finding,) = prepared({"his/a.wsdl": wsdl.encode()}, wsdl="his/a.wsdl").findings
    assert finding.keys == ("wsdl",)
    assert "beside the profile" in finding.hint


REG = (CORPORA / "wsdl-cxf-testutils/hello_world_doc_lit.wsdl").read_bytes()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_wsdl_is_read_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(REG) - 1))
    end = start + data.draw(st.integers(0, 60))
    put = data.draw(st.sampled_from([b"", b"x", b'"', b"<a>", b"tns:none", b"9"]))
    made = prepared(
        FILES[CORPORA / "wsdl-cxf-testutils"] | {"a.wsdl": REG[:start] + put + REG[end:]}, "greetMe", wsdl="a.wsdl"
    )
    assert bool(made.operations) != bool(made.findings)
