"""The published vectors of the wire format, and requests that are sealed or signed wrongly."""

from dataclasses import replace

import aiohttp
import pytest
from regulator_caller import CONSULTATION, Regulated, Seal, padded

from sandbox.hospital import Hospital
from sandbox.regulator.envelope import Unreadable, opened, sealed, sign_string, sm3

A_SECRET, C_SECRET = "00112233445566778899aabbccddeeff", "bbf1dd188b8b4629853f06f118d11e4a"
A_PLAIN = b'[{"organID":"12440300TEST00000X","unitID":"U-DEMO-0001","eventID":"1"}]'
A_BODY = (
    "dfb0d26b278ebead9160293c54c4dfc7b0c65f787c2406af3bad72fb66a64903c6176d34d32721004ff50a5f0a0f4cd5"
    "eff9538df579548402ebaba8af077616f7785a97feb766c3cf73876e092095cb"
)
VECTORS = [
    (A_SECRET, A_PLAIN, A_BODY, "EDE30187E981E7785C6061919D725F4C89E9697281998649DAB884A3FFAA28A6"),
    (
        A_SECRET,
        b"[]",
        "9733c078ebd8106ed71ce399f6d7b05a",
        "9057045A7D0FFA2309782ABBA0D54316D7D149A1B27B82D5774D3B011851010E",
    ),
    (
        C_SECRET,
        b"[1]",
        "49a9a1cb6403aa7ca5d7be3287b0dc6b",
        "F7DCA75A3D6083A0E4FD0BA219FFE8AC10E35AE45FD8A91F90A9CDAB5A0ED056",
    ),
]
SIGNATURES = [
    (
        "demoAppKey0001", "11111111-2222-4333-8444-555555555555", "1767225600000", VECTORS[0][3], "pushMedicalDispute",
        "6618D61FA974061C22F5DC7F0D3FC6A0CEEFA258127C8B4B271EE86FB8466D3F",
    ),
    (
        "ngari5fd5ad2196834aa7", "8d708068-0a36-47d3-8ff4-011fdace7d63", "1718185594026", VECTORS[2][3],
        "uploadDrugCatalogue", "A07C0B67CE2996DF9416A5BE7EB7F4E8EAF40F31D46423A1FA9ECEA188C7627A",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("secret", "plain", "body", "digest"), VECTORS)
def test_the_published_bodies_come_out_byte_for_byte(secret: str, plain: bytes, body: str, digest: str) -> None:
    assert sealed(plain, bytes.fromhex(secret)).decode() == body == Seal(secret).cipher(plain)
    assert opened(body.encode(), bytes.fromhex(secret)) == plain
    assert sm3(body.encode()) == digest


@pytest.mark.parametrize(("key", "nonce", "stamp", "digest", "method", "expected"), SIGNATURES)
def test_the_published_signatures_come_out(
    key: str, nonce: str, stamp: str, digest: str, method: str, expected: str
) -> None:
    headers = {
        "X-Service-Id": "his.provinceDataUploadService",
        "X-Service-Method": method,
        "X-Ca-Key": key,
        "X-Ca-Nonce": nonce,
        "X-Ca-Timestamp": stamp,
        "X-Content-MD5": digest,
    }
    assert sm3(sign_string(headers).encode()) == expected


def test_a_whole_block_gets_a_whole_block_of_padding() -> None:
    assert len(sealed(b"x" * 16, bytes.fromhex(A_SECRET))) == 64


@pytest.mark.parametrize(
    "body", [b"", b"abc", VECTORS[1][2].upper().encode(), b'"' + A_BODY.encode() + b'"', b"00" * 16]
)
def test_what_is_no_sealed_body_is_not_read(body: bytes) -> None:
    with pytest.raises(Unreadable):
        opened(body, bytes.fromhex(A_SECRET))


def pkcs7(data: bytes) -> bytes:
    size = 16 - len(data) % 16
    return data + bytes([size]) * size


METHOD = "uploadConsultIndicators"


async def test_each_mistake_in_the_envelope_has_its_code(platform: Regulated, hospital: Hospital) -> None:
    right = platform.seal
    other = replace(right, secret=(hospital.settings.data / "regulator-test.secret").read_text().strip())
    shuffled = {
        "X-Ca-Signature-Headers": "X-Service-Id,X-Service-Method,X-Ca-Key,X-Ca-Nonce,X-Ca-Timestamp,X-Content-MD5"
    }
    wrong: list[tuple[Seal, int]] = [
        (replace(right, pad=pkcs7), 40001),
        (replace(right, iv="0" * 32), 40001),
        (replace(right, secret="0" * 32), 40001),
        (replace(right, change={"X-Ca-Nonce": ""}), 40001),
        (replace(right, key="nobody"), 40002),
        (other, 40004),
        (replace(right, change={"X-Content-MD5": "0" * 64}), 40010),
        (replace(right, change=shuffled), 40010),
        (replace(right, change={"X-Service-Method": "uploadReferralIndicators"}), 40010),
        (right, 200),
    ]
    found = [await platform.gateway(METHOD, [CONSULTATION], seal) for seal, _ in wrong]
    assert found == [code for _, code in wrong]
    assert len(hospital.store.all("select * from regulator_records")) == 1, "only the last was taken"


async def test_time_nonce_permission_and_channel_are_looked_at(platform: Regulated, hospital: Hospital) -> None:
    nonce = "8d708068-0a36-47d3-8ff4-011fdace7d63"
    assert await platform.gateway(METHOD, [CONSULTATION], **{"X-Ca-Timestamp": "1767225600000"}) == 40011
    assert await platform.gateway(METHOD, [CONSULTATION], **{"X-Ca-Nonce": nonce}) == 200
    assert await platform.gateway(METHOD, [CONSULTATION], **{"X-Ca-Nonce": nonce}) == 40011
    assert await platform.gateway(METHOD, [CONSULTATION], **{"X-Ca-Nonce": "7"}) == 40001
    assert await platform.gateway("uploadNursingServiceRecords", [CONSULTATION]) == 40006
    assert await platform.gateway("uploadNothing", [CONSULTATION]) == 40012
    assert await platform.gateway(METHOD, [CONSULTATION], path="/elsewhere") == 40012
    assert await platform.gateway(METHOD, [CONSULTATION], path="/test-openapi/api") == 40002, "keys are of one channel"
    assert await platform.gateway(METHOD, CONSULTATION) == 40001, "the outermost is an array"
    assert await platform.gateway(METHOD, padded(b"[{")) == 40001


async def test_an_open_look_at_a_request_says_what_is_wrong_with_it(hospital: Hospital, platform: Regulated) -> None:
    body = platform.seal.cipher(b"[]")
    headers = platform.seal.headers("pushMedicalDispute", body)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hospital.port}") as session:
        for given, fault in ((headers, ""), (headers | {"X-Ca-Signature": "0"}, "签名不合法")):
            async with session.post("/regulator/open", json={"headers": given, "body": body}) as answer:
                shown = await answer.json()
            assert (shown["plain"], shown["trouble"], shown["signature_fault"]) == ("[]", "", fault)
            assert shown["X-Ca-Signature"] == headers["X-Ca-Signature"]
        async with session.post("/regulator/seal", json={"rows": []}) as answer:
            assert await answer.json() == {"body": body, "X-Content-MD5": headers["X-Content-MD5"]}
