"""Programs and libraries of others talk to the bus unmodified: python-hl7's `mllp_send`, messages made by hl7apy."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7apy.core import Message
from hl7apy.parser import parse_message

from tests.flow.house import House
from tests.flow.wire import MllpLine

MLLP_SEND = Path(sys.executable).parent / "mllp_send"
PATIENT = "PF900"


def text(number: str, line_end: str) -> str:
    return line_end.join((
        f"MSH|^~\\&|LIS-F|LAB|BUS|HOSPITAL|20261120090000||ORU^R01|{number}|P|2.4||||||UNICODE UTF-8",
        f"PID|1||{PATIENT}^^^MAIN^MR||^欧阳测试||19000307000000|M|||||^^^^^^13800001234",
        f"OBR|1|O{number}|R{number}|GLU^葡萄糖|||20261120083000|||||||||||||||20261120085500||检验|F",
        "OBX|1|NM|GLU^葡萄糖||5.60|mmol/L|3.9-6.1|N|||F",
        "",
    ))  # fmt: skip


def by_hl7apy(number: str) -> Message:
    """An ORU^R01 of v2.5 as hl7apy builds and validates one."""
    made = Message("ORU_R01", version="2.5")
    made.msh.msh_3, made.msh.msh_5, made.msh.msh_9, made.msh.msh_10 = "LIS-A", "BUS", "ORU^R01^ORU_R01", number
    made.msh.msh_11, made.msh.msh_18 = "P", "UNICODE UTF-8"
    result = made.add_group("ORU_R01_PATIENT_RESULT")
    result.add_group("ORU_R01_PATIENT").add_segment(
        "PID"
    ).value = f"PID|1||{PATIENT}^^^MAIN^MR||李^四||19010203|F|||||^PRN^PH^^^^13800005678"
    order: Any = result.add_group("ORU_R01_ORDER_OBSERVATION")
    order.add_segment(
        "OBR"
    ).value = f"OBR|1|O{number}|R{number}|GLU^葡萄糖|||20261120083000|||||||||||||||20261120085500||LAB|F"
    observation = order.add_group("ORU_R01_OBSERVATION")
    observation.add_segment("OBX").value = "OBX|1|ST|GLU^葡萄糖||阴性|||N|||F"
    made.validate()
    return made


def shown(house: House) -> dict[str, str]:
    lines = house.get(f"/patients/{PATIENT}/reports")[1]["data"]
    return {line["reportId"]: line["title"] for line in lines}


@pytest.mark.parametrize("way", ["a stream of frames", "a file of lines"])
def test_mllp_send_of_python_hl7(house: House, tmp_path: Path, way: str) -> None:
    numbers = [f"F{len(way)}{n}" for n in range(3)]
    file = tmp_path / "results.hl7"
    if way == "a stream of frames":
        file.write_bytes(b"".join(b"\x0b" + text(number, "\r").encode() + b"\x1c\r" for number in numbers))
    else:
        file.write_bytes("".join(text(number, "\r\n") for number in numbers).encode())
    loose = ["--loose"] if way == "a file of lines" else []
    command = [MLLP_SEND, *loose, "--port", str(house.bus.mllp), "--file", file, "127.0.0.1"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
    answers = [hl7.parse(part) for part in said.decode().split("\x0b") if "MSA" in part]
    assert [(str(answer["MSA.F1"]), str(answer["MSA.F2"])) for answer in answers] == [("AA", n) for n in numbers]
    house.quiet()
    assert {f"R{number}": "葡萄糖" for number in numbers}.items() <= shown(house).items()


def test_a_message_made_by_hl7apy(house: House) -> None:
    made = by_hl7apy("A900")
    with MllpLine(house.bus.mllp) as line:
        line.send(made.to_er7().encode())
        answer = parse_message(line.receive().decode())
    assert (answer.msa.msa_1.value, answer.msa.msa_2.value) == ("AA", "A900")
    assert answer.version == "2.5"
    answer.validate()
    house.quiet()
    assert shown(house)["RA900"] == "葡萄糖"
    (item,) = house.get("/reports/lab/RA900")[1]["data"]["items"]
    assert (item["name"], item["result"]) == ("葡萄糖", "阴性")
