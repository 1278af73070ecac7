"""`hisbus new profile`: what it writes passes the check as it is, and nothing that is there is written over."""

import json
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from engine.cli.main import main
from engine.cli.site import Adapters
from engine.mapping.library import load
from engine.settings.problems import Problems
from tests.corpora import CORPORA, need

need()
ROOT = Path(__file__).parents[3]
WSDLS = sorted(
    file
    for folder in ("wsdl-zeep/wsdl_files", "wsdl-zeep/integration", "wsdl-cxf-testutils")
    for file in (CORPORA / folder).glob("*.wsdl")
)
ASMX = """<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:tns="http://tempuri.org/" xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://tempuri.org/">
 <wsdl:types><xs:schema><xs:import namespace="http://tempuri.org/" schemaLocation="types.xsd"/></xs:schema></wsdl:types>
 <wsdl:message name="AskIn"><wsdl:part name="parameters" element="tns:GetDeptInfo"/></wsdl:message>
 <wsdl:message name="AskOut"><wsdl:part name="parameters" element="tns:GetDeptInfoResponse"/></wsdl:message>
 <wsdl:message name="CountIn"><wsdl:part name="parameters" element="tns:Count"/></wsdl:message>
 <wsdl:portType name="T">
  <wsdl:operation name="GetDeptInfo"><wsdl:input message="tns:AskIn"/><wsdl:output message="tns:AskOut"/></wsdl:operation>
  <wsdl:operation name="Count"><wsdl:input message="tns:CountIn"/><wsdl:output message="tns:AskOut"/></wsdl:operation>
 </wsdl:portType>
 <wsdl:binding name="B" type="tns:T"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="GetDeptInfo"><soap:operation soapAction="http://tempuri.org/GetDeptInfo"/>
   <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
  <wsdl:operation name="Count"><soap:operation soapAction="http://tempuri.org/Count"/>
   <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
 </wsdl:binding>
 <wsdl:service name="S"><wsdl:port name="P" binding="tns:B"><soap:address location="http://elsewhere/"/></wsdl:port></wsdl:service>
</wsdl:definitions>"""
TYPES = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://tempuri.org/" elementFormDefault="qualified">
 <xs:element name="GetDeptInfo"><xs:complexType><xs:sequence><xs:element name="input" type="xs:string" minOccurs="0"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="Count"><xs:complexType><xs:sequence><xs:element name="n" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
 <xs:element name="GetDeptInfoResponse"><xs:complexType><xs:sequence>
  <xs:element name="GetDeptInfoResult" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element></xs:schema>"""


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    (folder / "config").mkdir(parents=True)
    (folder / "config/default.yaml").write_text("site: {name: 示例医院}\n", encoding="utf-8")
    shutil.copytree(ROOT / "mappings", folder / "mappings")
    return folder


@pytest.fixture
def asmx(tmp_path):
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/types.xsd").write_text(TYPES, encoding="utf-8")
    (tmp_path / "vendor/unrelated.xsd").write_text(TYPES, encoding="utf-8")
    file = tmp_path / "vendor/service.wsdl"
    file.write_text(ASMX, encoding="utf-8")
    return file


def new(site, *arguments):
    return CliRunner().invoke(main, ["new", "profile", *map(str, arguments), "--site", str(site)])


def read(site):
    problems = Problems()
    library = load(site / "mappings", Adapters(), problems, ZoneInfo("Asia/Shanghai"))
    return library, [f"{one.where}: {one.what}" for one in problems]


def test_a_profile_like_another_passes_as_it_is(site):
    made = new(site, "his/kiosk", "--like", "his/donghua", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["files"] == ["mappings/his/kiosk.yaml"]
    library, findings = read(site)
    assert findings == []
    base, own = library.profiles["his/donghua"], library.profiles["his/kiosk"]
    assert (own.outgoing.keys(), own.incoming.keys()) == (base.outgoing.keys(), base.incoming.keys())
    text = (site / "mappings/his/kiosk.yaml").read_text(encoding="utf-8")
    assert all(word in text for word in (*base.outgoing, *base.incoming, *base.settings))
    assert len(text.splitlines()) < 20


def test_the_operations_of_a_wsdl_can_be_called_at_once(site, asmx):
    made = new(site, "his/acme", "--wsdl", asmx, "--json")
    assert made.exit_code == 0, made.output
    said = json.loads(made.output)
    assert said["operations"] == ["get_dept_info"]
    assert said["left_out"] == [{"operation": "Count", "why": "'Count' has no text to be its argument"}]
    assert sorted(said["files"]) == ["mappings/his/acme.yaml", "mappings/his/service.wsdl", "mappings/his/types.xsd"]
    library, findings = read(site)
    assert findings == []
    envelope = library.profiles["his/acme"].outgoing["get_dept_info"].options
    assert b"input>&lt;Request/&gt;<" in envelope.write(b"<Request/>")
    assert "# Count cannot be called" in (site / "mappings/his/acme.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("wsdl", WSDLS, ids=lambda file: file.name)
def test_any_wsdl_becomes_a_profile_without_findings_or_is_refused_with_words(site, wsdl):
    shutil.rmtree(site / "mappings")
    (site / "routes.yaml").touch()
    made = new(site, "his/any", "--wsdl", wsdl)
    if made.exit_code == 3:
        assert made.output.startswith("hisbus: "), made.output
        assert not (site / "mappings").exists()
        return
    assert made.exit_code == 0, made.output
    library, findings = read(site)
    assert findings == []
    assert (site / "mappings/his" / wsdl.name).read_bytes() == wsdl.read_bytes()
    assert library.profiles["his/any"].adapter == "soap"


def test_files_that_are_there_are_not_written_over(site, asmx):
    assert new(site, "his/acme", "--wsdl", asmx).exit_code == 0
    text = site / "mappings/his/acme.yaml"
    text.write_text("profile: his/acme\nadapter: soap\n", encoding="utf-8")
    for how in (("--wsdl", asmx), ("--like", "his/donghua")):
        refused = new(site, "his/acme", *how)
        assert (refused.exit_code, "is there already" in refused.output) == (3, True)
    assert text.read_text(encoding="utf-8") == "profile: his/acme\nadapter: soap\n"

    (site / "mappings/his/types.xsd").write_text("<other/>", encoding="utf-8")
    assert new(site, "his/second", "--wsdl", asmx).exit_code == 3
    assert not (site / "mappings/his/second.yaml").exists()
    (site / "mappings/his/types.xsd").write_text(TYPES, encoding="utf-8")
    assert new(site, "his/second", "--wsdl", asmx).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("acme", "--like", "his/donghua"), "write role/vendor"),
        (("../x/y", "--like", "his/donghua"), "write role/vendor"),
        (("shapes/acme", "--like", "his/donghua"), "write role/vendor"),
        (("his/acme",), "what does it begin as"),
        (("his/acme", "--like", "his/dongha"), "did you mean 'his/donghua'?"),
        (("his/acme", "--wsdl", "nowhere.wsdl"), "does not exist"),
    ],
)
def test_wrong_usage_is_said_and_writes_nothing(site, arguments, says):
    refused = new(site, *arguments)
    assert (refused.exit_code, says in refused.output) == (2, True), refused.output
    assert not (site / "mappings/his/acme.yaml").exists()


def test_a_base_with_findings_is_not_built_upon(site):
    (site / "mappings/his/broken.yaml").write_text("profile: his/broken\nadapter: sopa\n", encoding="utf-8")
    refused = new(site, "his/acme", "--like", "his/broken")
    assert (refused.exit_code, "mappings/his/broken.yaml:2" in refused.output) == (1, True), refused.output


def test_a_file_that_is_no_wsdl_is_refused_with_words(site, asmx):
    asmx.write_text("<html/>", encoding="utf-8")
    refused = new(site, "his/acme", "--wsdl", asmx)
    assert (refused.exit_code, refused.output.startswith("hisbus: ")) == (3, True), refused.output
    asmx.write_text(ASMX.replace("types.xsd", "http://elsewhere/types.xsd"), encoding="utf-8")
    assert "put that file beside the profile" in new(site, "his/acme", "--wsdl", asmx).output
