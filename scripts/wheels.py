"""The wheels of a bundle: what each says of itself, and whether they are all that their target needs."""

import hashlib
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from functools import cached_property
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OWN = "hisbus"
_TEXTS = ("licen", "copying", "notice", "authors")
"""How files begin that belong to a licence."""


@dataclass(frozen=True)
class Target:
    """The machine that a bundle is for."""

    python: str
    """`3.11`."""
    machine: str
    """`x86_64` or `aarch64`."""
    glibc: str
    """The oldest C library that it may have: `2.28`."""

    @property
    def name(self) -> str:
        return f"linux-{self.machine}-python{self.python}"

    @property
    def tags(self) -> list[str]:
        """Platform tags of the wheels that it takes, the newest first (PEP 600, PEP 599, PEP 513)."""
        newest = int(self.glibc.split(".")[1])
        older = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
        tags = []
        for minor in range(newest, 4, -1):
            tags.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in older:
                tags.append(f"{older[minor]}_{self.machine}")
        return tags

    def markers(self, extra: str) -> dict[str, str]:
        """What environment markers of requirements are held against."""
        made: dict[str, str] = {**default_environment(), "extra": extra}  # type: ignore[dict-item]  # all are texts
        return made | {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "platform_machine": self.machine,
            "platform_system": "Linux",
            "sys_platform": "linux",
            "os_name": "posix",
        }


class Wheel:
    """One wheel, read from its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    @cached_property
    def metadata(self) -> Message:
        with zipfile.ZipFile(self.path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return Parser().parsestr(archive.read(name).decode("utf-8"))

    @property
    def name(self) -> str:
        return canonicalize_name(self.metadata["Name"])

    @property
    def version(self) -> str:
        return str(self.metadata["Version"])

    @property
    def pinned(self) -> str:
        """As a line of a requirements file that `pip --require-hashes` takes."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"

    @property
    def licence(self) -> str:
        """In its author's own word: an expression of SPDX, a name, or a classifier; empty where nothing is said."""
        for field in ("License-Expression", "License"):
            said = str(self.metadata.get(field) or "").strip()
            if said and len(said.splitlines()) == 1 and said != "UNKNOWN":
                return said
        classified = [one for one in self.metadata.get_all("Classifier", []) if one.startswith("License :: ")]
        return " AND ".join(one.rpartition(" :: ")[2] for one in classified)

    def licence_texts(self) -> dict[str, bytes]:
        """The files that the wheel brings along for its licence."""
        texts = {}
        with zipfile.ZipFile(self.path) as archive:
            for name in archive.namelist():
                folder, _, file = name.rpartition("/")
                if ".dist-info" in folder and file.lower().startswith(_TEXTS):
                    texts[name.partition(".dist-info/")[2].replace("/", "-")] = archive.read(name)
        return texts

    def needs(self, target: Target, extras: frozenset[str] = frozenset()) -> set[tuple[str, frozenset[str]]]:
        """Names that it requires there, with the extras asked of them."""
        needed = set()
        for text in self.metadata.get_all("Requires-Dist", []):
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate(target.markers(extra)) for extra in ("", *extras)):
                needed.add((canonicalize_name(requirement.name), frozenset(requirement.extras)))
        return needed


def read_wheels(folder: Path) -> list[Wheel]:
    return sorted((Wheel(path) for path in folder.glob("*.whl")), key=lambda wheel: wheel.name)


def missing(wheels: list[Wheel], target: Target, extras: frozenset[str]) -> set[str]:
    """What the bus needs on the target and no wheel brings: pip reads markers for the machine that it runs on."""
    there = {wheel.name: wheel for wheel in wheels}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(OWN, extras)]
    while waiting:
        name, asked = waiting.pop()
        if (name, asked) not in seen:
            seen.add((name, asked))
            waiting += there[name].needs(target, asked) if name in there else []
    return {name for name, _ in seen} - there.keys()
