"""What a bundle is made of, for whoever answers for it: a software bill of materials and the licences."""

from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from wheels import OWN, Target, Wheel

UNKNOWN = "unknown"


def bill(wheels: list[Wheel], target: Target, extras: frozenset[str], python: str | None) -> str:
    """CycloneDX 1.6 as JSON: every wheel with its hash, its licence and what it needs, and the portable Python by the
    SHA-256 of its archive where there is one. Raises ValueError where the schema says no.
    """
    components = {wheel.name: _component(wheel) for wheel in wheels}
    bom = Bom(components=[part for name, part in components.items() if name != OWN])
    if python is not None:
        bom.components.add(
            Component(name="python", version=target.python, type=ComponentType.PLATFORM, hashes=[_hash(python)])
        )
    bom.metadata.component = components[OWN]
    for wheel in wheels:
        needed = {name for name, _ in wheel.needs(target, extras if wheel.name == OWN else frozenset())}
        bom.register_dependency(components[wheel.name], [components[name] for name in sorted(needed & set(components))])
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if found := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of materials breaks its schema: {found}")
    return text + "\n"


def _component(wheel: Wheel) -> Component:
    address = PackageURL("pypi", None, wheel.name, wheel.version)
    licences = [LicenseFactory().make_from_string(wheel.licence)] if wheel.licence else []
    return Component(
        name=wheel.name,
        version=wheel.version,
        type=ComponentType.APPLICATION if wheel.name == OWN else ComponentType.LIBRARY,
        bom_ref=str(address),
        purl=address,
        licenses=licences,
        hashes=[_hash(wheel.sha256)],
    )


def _hash(sha256: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=sha256)


def collect_licences(wheels: list[Wheel], folder: Path) -> list[str]:
    """Writes a table of licences and every text that a wheel brings. Returns packages whose licence is unknown."""
    rows = ["# Licences", "", "| package | version | licence | texts |", "|---|---|---|---|"]
    unknown = []
    for wheel in wheels:
        texts = wheel.licence_texts()
        for name, content in texts.items():
            file = folder / wheel.name / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        links = ", ".join(f"[{name}]({wheel.name}/{name})" for name in sorted(texts))
        rows.append(f"| {wheel.name} | {wheel.version} | {wheel.licence or UNKNOWN} | {links or '–'} |")
        if not wheel.licence:
            unknown.append(wheel.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return unknown
