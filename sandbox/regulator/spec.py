"""The field tables of `datasets.yaml`, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `kind` S, int, D, dt, date or list; `length` of S; `need` as the table words it."""

    name: str
    kind: str
    length: int
    need: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """What one method takes; the flags are explained in `datasets.yaml`."""

    method: str
    title: str
    id: str
    fields: tuple[Field, ...]
    rows: dict[str, tuple[Field, ...]] = field(default_factory=dict)
    business: bool = False
    sign_in: bool = False
    diagnoses: tuple[str, ...] = ()
    drugs: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)


def _read() -> dict[str, Any]:
    text = (Path(__file__).parent / "datasets.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _field(line: str) -> Field:
    name, kind, need, *codes = line.split()
    letter = kind[0] if kind[0] in "SD" else kind
    length = int(kind[1:]) if letter == "S" else 0
    return Field(name, letter, length, need, tuple(codes[0].split("/")) if codes else ())


def _fields(lines: list[list[str]], groups: dict[str, list[str]]) -> tuple[Field, ...]:
    names = [name for line in lines for name in line]
    return tuple(_field(line) for name in names for line in groups.get(name, [name]))


def _dataset(method: str, table: dict[str, Any], groups: dict[str, list[str]]) -> Dataset:
    rows = {name: _fields(lines, groups) for name, lines in table.get("rows", {}).items()}
    more = {name: table[name] for name in ("title", "id", "business", "sign_in", "drugs", "after") if name in table}
    return Dataset(
        method=method,
        fields=_fields(table["fields"], groups),
        rows=rows,
        diagnoses=tuple(table.get("diagnoses", ())),
        **more,
    )


_DOCUMENT = _read()
DATASETS = {name: _dataset(name, table, _DOCUMENT["groups"]) for name, table in _DOCUMENT["datasets"].items()}
NOT_FILED = frozenset(_DOCUMENT["not_filed"].split())
DEPARTMENTS = frozenset(_DOCUMENT["departments"].split())
DIAGNOSES = frozenset(_DOCUMENT["diagnoses"].split())
CATALOGUE = "uploadDrugCatalogue"
