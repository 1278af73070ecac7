"""What the platform finds wrong with one record. First the required fields, together; then the first other mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.regulator.spec import DEPARTMENTS, DIAGNOSES, Dataset, Field

EMPTY_FIELDS, REASON = -99, -1
_FORMS = {"dt": "%Y-%m-%d %H:%M:%S", "date": "%Y-%m-%d"}
_NEED = re.compile(r"(?P<field>\w+)(?P<sign><|>=|=)(?P<values>.+)")


@dataclass(frozen=True, slots=True)
class Known:
    """What the platform knows besides the record: the filing, drugs of the catalogue, accepted business."""

    organ: str
    unit: str
    drug: Callable[[str], bool]
    business: Callable[[str], bool]


class Rejected(Exception):
    """The record is not taken: `code` as msgCode, the text as msg."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def check(record: Any, dataset: Dataset, known: Known) -> None:
    """Raises Rejected with what the platform answers."""
    if not isinstance(record, dict):
        raise Rejected(REASON, "数组元素不是对象")
    if names := list(dict.fromkeys(_empty(record, dataset))):
        raise Rejected(EMPTY_FIELDS, "|".join(names))
    for fields, row in _levels(record, dataset):
        for text in _shape(row, fields):
            raise Rejected(REASON, text)
    for text in _meaning(record, dataset, known):
        raise Rejected(REASON, text)


def _levels(record: dict[str, Any], dataset: Dataset) -> Iterator[tuple[tuple[Field, ...], dict[str, Any]]]:
    """The record and the rows of its lists, each with its fields."""
    yield dataset.fields, record
    for name, fields in dataset.rows.items():
        rows = record.get(name)
        for row in rows if isinstance(rows, list) else []:
            if not isinstance(row, dict):
                raise Rejected(REASON, f"{name} 的元素不是对象")
            yield fields, row


def _empty(record: dict[str, Any], dataset: Dataset) -> Iterator[str]:
    for fields, row in _levels(record, dataset):
        for field in fields:
            if _absent(row.get(field.name)) and _needed(field.need, row):
                yield field.name


def _absent(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _needed(need: str, row: dict[str, Any]) -> bool:
    """True for Y, and for a condition that the row fulfils."""
    condition = _NEED.fullmatch(need)
    if condition is None:
        return need == "Y"
    value = row.get(condition["field"])
    if condition["sign"] == "=":
        return str(value) in condition["values"].split("/")
    if not isinstance(value, int):
        return False
    limit = int(condition["values"])
    return value < limit if condition["sign"] == "<" else value >= limit


def _shape(row: dict[str, Any], fields: tuple[Field, ...]) -> Iterator[str]:
    """Mistakes of names, types, lengths and codes."""
    for name in row.keys() - {field.name for field in fields}:
        yield f"字段不存在:{name}"
    for field in fields:
        value = row.get(field.name)
        if _absent(value):
            continue
        if text := _value(value, field):
            yield f"{field.name} {text}"
        elif field.codes and str(value) not in field.codes:
            yield f"{field.name} 取值不在字典内"


def _value(value: Any, field: Field) -> str:
    """What is wrong with the type or the length of one value."""
    match field.kind:
        case "S":
            if not isinstance(value, str):
                return "应为字符串"
            return f"长度超过{field.length}" if len(value) > field.length else ""
        case "int":
            return "" if isinstance(value, int) and not isinstance(value, bool) else "应为整数"
        case "D":
            return "" if _money(value) else "应为不超过8位、2位小数的数字"
        case "list":
            return "" if isinstance(value, list) else "应为数组"
    form = _FORMS[field.kind]
    try:
        fits = isinstance(value, str) and datetime.strptime(value, form).strftime(form) == value  # noqa: DTZ007 - the wire has no zone
    except ValueError:
        fits = False
    return "" if fits else "日期时间格式错误"


def _money(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(_MONEY.fullmatch(str(value)))


_MONEY = re.compile(r"-?\d{1,6}(\.\d{1,2})?")


def _meaning(record: dict[str, Any], dataset: Dataset, known: Known) -> Iterator[str]:
    """Mistakes that only somebody who knows more than the record can find."""
    if record["organID"] != known.organ:
        yield "organID 未备案"
    if record["unitID"] != known.unit:
        yield "unitID 未备案"
    yield from _department(record)
    for name in dataset.diagnoses:
        unknown = [code for code in str(record[name]).split("|") if code not in DIAGNOSES]
        yield from (f"{name} 不是国家临床版2.0编码:{code}" for code in unknown)
    if dataset.drugs:
        codes = [row[dataset.drugs["code"]] for row in record[dataset.drugs["list"]]]
        yield from (f"{dataset.drugs['code']} 不在药品目录中:{code}" for code in codes if not known.drug(code))
    if dataset.after and not known.business(record[dataset.after["field"]]):
        yield f"{dataset.after['field']} 对应的{dataset.after['text']}未上报"


def _department(record: dict[str, Any]) -> Iterator[str]:
    subject, department = record.get("subjectCode"), record.get("deptID")
    if department is not None and department not in DEPARTMENTS:
        yield "deptID 取值不在字典内"
    if subject is not None and subject.partition(".")[0] != department:
        yield "subjectCode 与 deptID 不一致"
