"""A WSDL is part of a release: what in a profile does not fit it has a line, and calls get what it was compiled to."""

import pytest
from mapping_desk import library, said

from engine.contract import Adapter, Finding, Options, Prepared
from engine.settings.problems import Problems

WSDL = """<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:tns="http://tempuri.org/" xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://tempuri.org/">
 <wsdl:types><xs:schema targetNamespace="http://tempuri.org/" elementFormDefault="qualified">
  <xs:element name="BookService"><xs:complexType><xs:sequence>
   <xs:element name="Count" type="xs:int" minOccurs="0"/><xs:element name="XMLRequest" type="xs:string" minOccurs="0"/>
   <xs:element name="Site" type="xs:string"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="BookServiceResponse"><xs:complexType><xs:sequence>
   <xs:element name="BookServiceResult" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
 </xs:schema></wsdl:types>
 <wsdl:message name="In"><wsdl:part name="parameters" element="tns:BookService"/></wsdl:message>
 <wsdl:message name="Out"><wsdl:part name="parameters" element="tns:BookServiceResponse"/></wsdl:message>
 <wsdl:portType name="T"><wsdl:operation name="BookService"><wsdl:input message="tns:In"/><wsdl:output message="tns:Out"/>
 </wsdl:operation></wsdl:portType>
 <wsdl:binding name="B" type="tns:T"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="BookService"><soap:operation soapAction="urn:book"/>
   <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
  </wsdl:operation></wsdl:binding>
 <wsdl:service name="Reg"><wsdl:port name="RegSoap" binding="tns:B"><soap:address location="http://elsewhere/"/></wsdl:port>
 </wsdl:service></wsdl:definitions>"""

PROFILE = """profile: his/dh
says: a HIS
adapter: soap
soap:
  wsdl: wsdl/reg.wsdl
  argument: XMLRequest
  parameters: {Site: A1}
outgoing:
  book:
    takes: booking
    effect: change
    soap:
      operation: BookService
    request: {Request/PatientID: patient.id}
    meaning: {code: Response/ResultCode, delivered: ["0"]}
"""
SHAPE = "shape: booking\nfields: {patient: {required: true, fields: {id: {required: true}}}}\n"


def loaded(profile=PROFILE, wsdl=WSDL, **more):
    problems = Problems()
    texts = {"shapes/booking.yaml": SHAPE, "his/dh.yaml": profile, "his/wsdl/reg.wsdl": wsdl}
    return library(texts, problems, **more), said(problems)


def test_an_operation_gets_the_envelope_of_its_wsdl():
    made, problems = loaded()
    assert not problems
    envelope = made.profiles["his/dh"].outgoing["book"].options
    assert envelope.write(b"<Request/>").endswith(
        b"<ns0:XMLRequest>&lt;Request/&gt;</ns0:XMLRequest><ns0:Site>A1</ns0:Site></ns0:BookService>"
        b"</soap-env:Body></soap-env:Envelope>"
    )
    assert envelope.headers["SOAPAction"] == '"urn:book"'
    assert envelope.result == "BookServiceResult"


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("BookService\n", "BookServise\n", "13:7: the WSDL has no operation 'BookServise' (did you mean 'BookService'?)"),
        ("argument: XMLRequest", "argument: XmlRequest",
         "6:3: 'BookService' has no parameter 'XmlRequest' (did you mean 'XMLRequest'?)"),
        ("argument: XMLRequest", "argument: Count", "6:3: 'Count' of 'BookService' is no single string"),
        ("argument: XMLRequest", "result: BookResult",
         "6:3: 'BookService' has no element 'BookResult' (did you mean 'BookServiceResult'?)"),
        ("{Site: A1}", "{Sites: A1}", "7:16: 'BookService' has no parameter 'Sites' (did you mean 'Site'?)"),
        ("  parameters: {Site: A1}\n", "",
         "11:5: 'BookService' also needs Site (write parameters: {name: its constant text})"),
        ("reg.wsdl", "rge.wsdl", "5:3: there is no file 'wsdl/rge.wsdl' (did you mean 'wsdl/reg.wsdl'?)"),
        ("XMLRequest\n", "XMLRequest\n  port: RegSoap12\n", "7:3: the WSDL has no port 'RegSoap12' (did you mean 'RegSoap'?)"),
        ("XMLRequest\n", 'XMLRequest\n  version: "1.2"\n', "7:3: the WSDL has no port for SOAP 1.2 (RegSoap speaks 1.1)"),
        ("XMLRequest\n", "XMLRequest\n  service: Rge\n", "7:3: the WSDL has no service 'Rge' (did you mean 'Reg'?)"),
        ("      operation: BookService\n", "      argument: XMLRequest\n",
         "12:5: which operation of the service is called? (write soap: {operation: …})"),
        ("  wsdl: wsdl/reg.wsdl\n", "", "4:1: how is this system called? (write wsdl: a file beside the profile, or namespace:)"),
        ("  wsdl: wsdl/reg.wsdl\n  argument: XMLRequest\n", "  namespace: urn:a\n",
         "11:5: which parameter holds the message? (write argument: its name)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_has_its_line_and_its_mend(old, new, finding):
    assert old in PROFILE
    _, problems = loaded(PROFILE.replace(old, new))
    assert problems == [f"mappings/his/dh.yaml:{finding}"]


def test_a_wsdl_that_says_all_and_a_profile_that_says_it_again():
    _, (problem,) = loaded(PROFILE.replace("wsdl: wsdl/reg.wsdl", "wsdl: wsdl/reg.wsdl\n  namespace: urn:a"))
    assert "a WSDL says namespace and action itself" in problem


@pytest.mark.parametrize("wsdl", ["", "<a/>", WSDL[:-30], WSDL.replace("tns:In", "tns:None"), "<!DOCTYPE a><a/>"])
def test_a_wsdl_that_cannot_be_read_is_said_where_it_is_named(wsdl):
    _, problems = loaded(wsdl=wsdl)
    assert problems
    assert problems[0].startswith("mappings/his/dh.yaml:5:3: ")


def test_any_adapter_may_prepare_and_its_findings_are_told():
    class Nothing(Options):
        """No options."""

    seen = {}

    def prepare(options, operations, files):
        seen.update(files=sorted(files), operations=sorted(operations))
        return Prepared({"book": "made"}, [Finding("the block is wrong", "book", hint="write it better")])

    adapter = Adapter("soap", "says", Nothing, Nothing, formats=("xml",), prepare=prepare)
    profile = PROFILE[: PROFILE.index("soap:\n")] + PROFILE[PROFILE.index("outgoing:") :].replace(
        "      operation: BookService\n", ""
    ).replace("    soap:\n", "")
    made, problems = loaded(profile, adapters={"soap": adapter})
    assert problems == ["mappings/his/dh.yaml:5:3: the block is wrong (write it better)"]
    assert seen == {"files": ["dh.yaml", "wsdl/reg.wsdl"], "operations": ["book"]}
    assert made.profiles["his/dh"].outgoing["book"].options == "made"
