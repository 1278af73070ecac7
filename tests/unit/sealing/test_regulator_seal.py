"""The seal of the supervision platform, as its profile writes it: known answers, and that a wrong one is found."""

import re
from pathlib import Path

import pytest

from engine.base.ids import SystemIds
from engine.contract import Login, Unavailable
from engine.model import Built, Context
from engine.sealing.schemes import load_seal
from engine.sealing.seal import Seals
from engine.sealing.template import Parts
from engine.settings.nodes import parse
from engine.settings.problems import Problems
from tests.unit.sealing.test_seal import AT

FILE = "mappings/regulator/tianjin.yaml"
TEXT = (Path(__file__).resolve().parents[3] / FILE).read_text("utf-8")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def block(text):
    return parse(text, FILE, Problems()).get("seal")


def seal_of(secret, *, enciphers=True):
    text = TEXT.replace("values: {service: ", "values: {service_method: pushMedicalDispute, service: ")
    problems = Problems()
    seal = Seals(lambda *_: Login("demoAppKey0001", secret), SystemIds(), enciphers=enciphers)(block(text), problems)
    assert not problems, list(map(str, problems))
    return lambda body: seal(Built(body), "POST /openapi/api", Context(AT, AT, {"system": "regulator"}))


def test_the_published_vectors_come_out():
    problems = Problems()
    node = block(TEXT.replace("values: {service: ", "values: {service_method: uploadDrugCatalogue, service: "))
    scheme = load_seal(node, problems)
    assert not problems, list(map(str, problems))
    published = node.plain()["known"][2]
    body, headers = scheme.sealed(
        Parts("POST", "/", b"[1]", published["timestamp"], published["nonce"], published["user"], published["secret"])
    )
    assert body == b"49a9a1cb6403aa7ca5d7be3287b0dc6b"
    assert headers["X-Ca-Signature"] == "A07C0B67CE2996DF9416A5BE7EB7F4E8EAF40F31D46423A1FA9ECEA188C7627A"
    assert len(node.plain()["known"]) == 3


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("sealed: 9733c078", "sealed: 9733c079", "the body comes out as '9733c078ebd8106ed71ce399f6d7b05a'"),
        ("padding: iso7816", "padding: pkcs7", "the body comes out as"),
        ("Signature: A07C", "Signature: A07D", "X-Ca-Signature comes out as 'A07C"),
        ("x-ca-key:{user}&x-ca-nonce:{nonce}", "x-ca-nonce:{nonce}&x-ca-key:{user}", "X-Ca-Signature comes out as"),
    ],
)
def test_a_wrong_vector_is_found_where_it_stands(right, wrong, says):
    problems = Problems()
    text = TEXT.replace("values: {service: ", "values: {service_method: x, service: ").replace(right, wrong)
    load_seal(block(text), problems)
    found = [str(one) for one in problems]
    lines = text.splitlines()
    assert any(says in one for one in found), found
    places = [int(one.removeprefix(f"{FILE}:").split(":")[0]) for one in found]
    assert all(lines[line - 1].startswith("    - body:") for line in places)


def test_each_attempt_is_signed_anew_over_the_same_cipher_text():
    seal = seal_of("00112233445566778899aabbccddeeff")
    (body, first), (again, second) = seal(b"[]"), seal(b"[]")
    assert body == again == b"9733c078ebd8106ed71ce399f6d7b05a"
    assert first["X-Content-MD5"] == "9057045A7D0FFA2309782ABBA0D54316D7D149A1B27B82D5774D3B011851010E"
    assert first["X-Ca-Timestamp"] == "1767225600000"
    assert first["X-Ca-Nonce"] != second["X-Ca-Nonce"]
    assert first["X-Ca-Signature"] != second["X-Ca-Signature"]
    assert UUID.fullmatch(first["X-Ca-Nonce"])
    assert list(first)[6:] == ["X-Ca-Signature-Headers", "X-Ca-Signature"]


@pytest.mark.parametrize("secret", ["0011", "not-a-key-of-thirty-two-digits-x"])
def test_a_key_that_does_not_fit_holds_what_is_to_be_sent(secret):
    with pytest.raises(Unavailable, match="key_unfit") as caught:
        seal_of(secret)(b"[]")
    assert secret not in str(caught.value)


def test_a_scenario_sees_what_is_inside():
    body, headers = seal_of("scenario", enciphers=False)(b"[]")
    assert body == b"[]"
    assert headers["X-Service-Method"] == "pushMedicalDispute"
