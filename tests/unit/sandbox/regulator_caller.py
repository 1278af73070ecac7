"""A client of the regulator's platform as its specification words it; it shares no code with the sandbox or the bus."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DEMO_KEY = "demoAppKey0001"
HEAD = {"organID": "12440300TEST00000X", "unitID": "U-DEMO-0001", "organName": "示例医院"}
DRUG = HEAD | {
    "drugClass": "010101", "hospDrcode": "YP0001", "hospDrugName": "阿莫西林胶囊", "hospDrugPacking": "0.25g*24粒",
    "hospDrugManuf": "示例制药", "drugPrice": 12.5, "useFlag": "1", "updateTime": "2026-11-20 01:30:00",
}  # fmt: skip
PEOPLE = {
    "subjectCode": "03.04", "subjectName": "心血管内科专业", "deptID": "03", "deptName": "心血管内科门诊",
    "doctorId": "D0001", "doctorCertID": "110101190003070037", "doctorName": "李四",
    "patientCertID": "110101190003070010", "patientName": "张三", "age": 35, "sex": "1", "mobile": "13800001234",
}  # fmt: skip
REVISIT = HEAD | PEOPLE | {
    "bussID": "FC202611190001", "patientCertType": "1", "returnVisitType": "1", "diseasesHistory": "高血压3年,规律服药",
    "mainDiagnoseCode": "I10.x00", "thisDiagnosis": "高血压病", "referralFlag": "1", "applyDate": "2026-11-19 09:00:00",
    "returnVisitPrice": 25.0, "answerFlag": "1", "updateTime": "2026-11-20 01:30:00",
}  # fmt: skip
CONSULTATION = HEAD | PEOPLE | {
    "bussID": "ZX202611190001", "patientCertType": "1", "consultationType": "1", "onsultationAttribute": "1",
    "applyDate": "2026-11-19 09:00:00", "consultationPrice": 20, "content": "近来头晕", "answerFlag": "1",
    "updateTime": "2026-11-20 01:30:00",
}  # fmt: skip
PRESCRIPTION = HEAD | PEOPLE | {
    "bussID": "FC202611190001", "auditDoctorId": "Y0001", "auditDoctorCertID": "110101190003070053",
    "auditDoctor": "王五", "patientCardType": "1", "diseasesHistory": "高血压3年", "recipeUniqueID": "9f0c11",
    "recipeID": "CF202611190001", "rationalFlag": "0", "icdCode": "I10.x00", "icdName": "高血压病", "recipeType": "1",
    "datein": "2026-11-19 09:30:00", "effectivePeriod": 3, "startDate": "2026-11-19", "endDate": "2026-11-22",
    "totalFee": 37.5, "isPay": "1", "updateTime": "2026-11-20 01:30:00",
    "orderList": [{
        "drcode": "YP0001", "drname": "阿莫西林胶囊", "drmodel": "0.25g*24粒", "admission": "1", "frequency": "每日三次",
        "dosage": "0.5", "drunit": "g", "dosageTotal": 3, "doseUnit": "盒", "useDays": 3, "otcFlag": "0",
    }],
}  # fmt: skip
EVALUATION = HEAD | {
    "evaluateID": "PJ202611190001", "bussID": "FC202611190001", "businessType": "4", "deptID": "03",
    "deptName": "心血管内科门诊", "doctorId": "D0001", "doctorCertID": "110101190003070037", "doctorName": "李四",
    "satisfaction": 5, "scoring": 10, "evaluation": "解答清楚", "evaluationPeople": "张三",
    "evaluationTime": "2026-11-19 12:00:00", "updateTime": "2026-11-20 01:30:00",
}  # fmt: skip
_numbers = count(1)


def sm3(text: str) -> str:
    return hashlib.new("sm3", text.encode()).hexdigest().upper()


def padded(data: bytes) -> bytes:
    data += b"\x80"
    return data.ljust((len(data) + 15) // 16 * 16, b"\x00")


@dataclass
class Seal:
    """How a request is sealed; tests change one thing."""

    secret: str
    iv: str = "abcd0863ef9087ced675985321bedf67"
    key: str = DEMO_KEY
    pad: Any = padded
    change: dict[str, str] = field(default_factory=dict)
    """Headers set after signing."""

    def cipher(self, plain: bytes) -> str:
        mode = modes.CBC(bytes.fromhex(self.iv))
        worker = Cipher(algorithms.SM4(bytes.fromhex(self.secret)), mode).encryptor()
        return (worker.update(self.pad(plain)) + worker.finalize()).hex()

    def headers(self, method: str, body: str, **fixed: str) -> dict[str, str]:
        signed = {
            "X-Service-Id": "his.provinceDataUploadService",
            "X-Service-Method": method,
            "X-Ca-Key": self.key,
            "X-Ca-Nonce": f"11111111-2222-4333-8444-{next(_numbers):012d}",
            "X-Ca-Timestamp": str(int(time.time() * 1000)),
            "X-Content-MD5": sm3(body),
        } | fixed
        string = "&".join(f"{name.lower()}:{signed[name]}" for name in sorted(signed, key=str.lower))
        listed = ",".join(name.lower() for name in signed)
        return signed | {"X-Ca-Signature-Headers": listed, "X-Ca-Signature": sm3(string)} | self.change


class Regulated:
    """Sends arrays of records to the platform, sealed rightly unless told otherwise."""

    def __init__(self, session: aiohttp.ClientSession, url: str, secret: str) -> None:
        self._session, self._url = session, url
        self.seal = Seal(secret)

    async def raw(
        self, method: str, plain: Any, seal: Seal | None = None, path: str = "", **fixed: str
    ) -> tuple[int, str]:
        seal = seal or self.seal
        data = plain if isinstance(plain, bytes) else json.dumps(plain, ensure_ascii=False).encode()
        body = seal.cipher(data)
        headers = {"Content-Type": "application/json", **seal.headers(method, body, **fixed)}
        async with self._session.post(self._url + (path or "/openapi/api"), data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def gateway(self, method: str, plain: Any, seal: Seal | None = None, **more: Any) -> int:
        """The gateway's code."""
        return int(json.loads((await self.raw(method, plain, seal, **more))[1])["code"])

    async def send(self, method: str, *records: Any) -> tuple[int, str]:
        """msgCode and msg of a call that the gateway lets through."""
        answer = json.loads((await self.raw(method, list(records)))[1])
        assert answer["code"] == 200, answer
        return answer["body"]["msgCode"], answer["body"]["msg"]
