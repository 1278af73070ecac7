"""What the imaging departments see: examinations, findings (所见) and conclusions (结论), and a PDF of them.

The PDF is a real one, small, with a font every Chinese reader has (STSong-Light by name, not embedded).
"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Exam:
    """One orderable examination: `section` is HL7 table 0074, `cases` are pairs of findings and conclusion."""

    code: str
    name: str
    modality: str
    section: str
    loinc: str
    body: str
    cases: tuple[tuple[str, str], ...]


EXAMS = {
    exam.code: exam
    for exam in (
        Exam(
            "CT01", "胸部CT平扫", "CT", "CT", "24627-2", "胸部",
            (
                ("胸廓对称,气管居中。\n双肺纹理清晰,未见明确实变影。\n纵隔未见肿大淋巴结。", "双肺未见明确异常。"),
                ("右肺上叶见一磨玻璃结节,大小约6mm×5mm,边界清。\n余肺野清晰。", "右肺上叶磨玻璃结节,建议6个月后复查。"),
                ("双肺下叶见斑片状高密度影,边缘模糊,CT值约-20~35HU。", "双肺下叶炎症,请结合临床,治疗后复查。"),
            ),
        ),
        Exam(
            "DR01", "胸部正位片", "DR", "RX", "36554-4", "胸部",
            (
                ("双肺野透亮度正常,肺纹理走行自然。\n心影不大,双侧膈面光滑,肋膈角锐利。", "心肺膈未见明确异常。"),
                ("主动脉结突出,心影横径增大,心胸比约0.56。", "心影增大,请结合超声心动图。"),
            ),
        ),
        Exam(
            "US01", "腹部彩超(肝胆胰脾)", "US", "RUS", "24558-9", "腹部",
            (
                (
                    "肝脏形态大小正常,实质回声均匀。\n胆囊壁光滑,腔内透声好。\n胰、脾未见异常。",
                    "肝胆胰脾未见明显异常。",
                ),
                (
                    "肝实质回声细密增强,后方衰减。\n胆囊腔内见强回声团,大小9mm×7mm,后伴声影,可移动。",
                    "1.脂肪肝\n2.胆囊结石",
                ),
            ),
        ),
        Exam(
            "MR01", "颅脑MR平扫", "MR", "NMR", "24590-2", "颅脑",
            (
                ("脑实质未见异常信号,脑室系统大小形态正常,中线结构居中。", "颅脑MR平扫未见明确异常。"),
                (
                    "双侧基底节区见点状长T1长T2信号,FLAIR呈高信号,DWI未见弥散受限。",
                    "双侧基底节区腔隙性脑梗死(陈旧性)。",
                ),
            ),
        ),
    )
}  # fmt: skip


_METRICS = b"/Flags 6 /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93"


def finding(exam: Exam, rng: Random) -> dict[str, str]:
    """What one patient's examination showed: `findings` and `impression`."""
    findings, impression = rng.choice(exam.cases)
    return {"findings": findings, "impression": impression}


def corrected(content: dict[str, str], rng: Random) -> dict[str, str]:
    """The report after a second reading: another sentence in the conclusion, said to be one."""
    added = rng.choice(("建议结合增强检查。", "与前片比较未见明显变化。", "左右侧别已核对更正。"))
    return {**content, "impression": f"{content['impression']}\n(更正报告){added}"}


def pdf(lines: list[str]) -> bytes:
    """One A4 page with the given lines of text."""
    text = "\n".join(f"<{line.encode('utf-16-be').hex()}> Tj T*" for line in _wrapped(lines))
    stream = f"BT /F1 12 Tf 18 TL 60 780 Td\n{text}\nET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 8 0 R >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [6 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo 9 0 R /FontDescriptor 7 0 R >>",
        b"<< /Type /FontDescriptor /FontName /STSong-Light /FontBBox [-25 -254 1000 880] %b >>" % _METRICS,
        b"<< /Font << /F1 5 0 R >> >>",
        b"<< /Registry (Adobe) /Ordering (GB1) /Supplement 4 >>",
    ]
    return _assembled(objects)


def _wrapped(lines: list[str]) -> list[str]:
    """At most 36 characters a line: that is what fits at 12 points."""
    return [line[at : at + 36] for line in lines for at in range(0, max(len(line), 1), 36)]


def _assembled(objects: list[bytes]) -> bytes:
    """A PDF file around numbered objects, with the table of their places."""
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)
