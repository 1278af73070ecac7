"""Makes a bundle: one folder, and an archive of it, that installs the bus where no package index is reachable.

It holds the wheels of the bus and of all that it needs, with hashes, a bill of materials (CycloneDX), the licences,
the texts of a site to begin from, the documentation, and `install.sh`. Nothing of this machine is in it: a bundle for
another machine is made with --machine, --python-version and --glibc, where wheels exist.

Exit codes: 0 made, 2 usage, 3 it cannot be made: a wheel does not exist, or no package index is reachable.
"""

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from inventory import bill, collect_licences
from wheels import OWN, Target, Wheel, missing, read_wheels

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("engine", "adapters", "sandbox", "pyproject.toml", "README.md")
"""What the bus's own wheel is made from."""
SITE = ("routes.yaml", "mappings", "config", "tests/routes")
"""The texts that a site begins from."""
DOCUMENTS = ("docs", "README.md", "README.zh-CN.md", "CHANGELOG.md")
PORTABLE = "python.tar.gz"
NOT_FOR_SITES = {"test", "bundle"}
"""Extras of pyproject.toml that only developers need."""


class CannotMake(Exception):
    """Says why."""


def main() -> int:
    options = _options()
    target = Target(options.python_version, options.machine, options.glibc)
    try:
        made = _make(target, options)
    except CannotMake as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 3
    print(made)
    return 0


def _options() -> argparse.Namespace:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser = argparse.ArgumentParser(
        prog="scripts/bundle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="where folder and archive go (dist/)")
    parser.add_argument("--python-version", default=here, metavar="3.N", help=f"Python of the target ({here})")
    parser.add_argument(
        "--machine", choices=("x86_64", "aarch64"), default=platform.machine(), help="of the target (this one's)"
    )
    parser.add_argument("--glibc", default="2.28", help="oldest C library of the target (2.28: 银河麒麟 V10, 统信 20)")
    parser.add_argument("--extras", help="databases to speak to, comma between (all: " + ", ".join(_extras()) + ")")
    parser.add_argument(
        "--python",
        type=Path,
        metavar="FILE",
        help="a portable Python for servers that have none: .tar.gz with bin/python3",
    )
    parser.add_argument("--no-archive", action="store_true", help="leave out the .tar.gz")
    options = parser.parse_args()
    options.extras = frozenset(_extras() if options.extras is None else filter(None, options.extras.split(",")))
    if unknown := options.extras - set(_extras()):
        parser.error(f"there is no extra {', '.join(sorted(unknown))}")
    return options


def _extras() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return sorted(set(project["optional-dependencies"]) - NOT_FOR_SITES)


def _make(target: Target, options: argparse.Namespace) -> Path:
    """The folder, made beside its place and put there whole."""
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.to, prefix=".making-") as making:
        folder = Path(making) / "bundle"
        _gather_wheels(folder / "wheels", target, options.extras)
        wheels = read_wheels(folder / "wheels")
        if lacking := missing(wheels, target, options.extras):
            raise CannotMake(f"no wheel came for {', '.join(sorted(lacking))}, which the target needs")
        own = next(wheel for wheel in wheels if wheel.name == OWN)
        _copy_texts(folder)
        if options.python is not None:
            _copy(options.python, folder / PORTABLE)
        _write_lists(folder, wheels, target, options.extras, own)
        _say("hashes")
        _hash_all(folder)
        name = f"{OWN}-{own.version}-{target.name}"
        place = options.to / name
        shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)
    if not options.no_archive:
        _say("archive")
        _pack(place)
    return place


def _gather_wheels(folder: Path, target: Target, extras: frozenset[str]) -> None:
    folder.mkdir(parents=True)
    _say("the bus's own wheel")
    with tempfile.TemporaryDirectory() as copied:  # built in place, leftovers of earlier builds would go in
        for name in SOURCES:
            _copy(ROOT / name, Path(copied) / name)
        _pip("wheel", "--no-deps", "--wheel-dir", folder, copied)
    own = next(folder.glob("*.whl"))
    _say(f"wheels for {target.name}, glibc {target.glibc} or newer")
    tags = [word for tag in target.tags for word in ("--platform", tag)]
    wanted = f"{own}[{','.join(sorted(extras))}]" if extras else str(own)
    _pip(
        "download", "--dest", folder, "--constraint", ROOT / "constraints.txt", "--only-binary=:all:",
        "--python-version", target.python, "--implementation", "cp", *tags, wanted, "pip",
    )  # fmt: skip


def _pip(*words: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise CannotMake("\n  ".join(["pip could not get the wheels:", *(said or done.stderr.splitlines()[-5:])]))


def _copy_texts(folder: Path) -> None:
    _say("texts, documents, installer")
    for name in SITE:
        _copy(ROOT / name, folder / "site" / name)
    for name in DOCUMENTS:
        _copy(ROOT / name, folder / "documents" / name)
    for file in sorted((ROOT / "deploy").iterdir()):
        _copy(file, folder / (file.name if file.name == "install.sh" else f"deploy/{file.name}"))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy(source, target)


def _write_lists(folder: Path, wheels: list[Wheel], target: Target, extras: frozenset[str], own: Wheel) -> None:
    _say("bill of materials, licences")
    pins = [wheel.pinned for wheel in wheels if wheel.name != "pip"]
    (folder / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    portable = folder / PORTABLE
    digest = _sha256(portable) if portable.exists() else None
    (folder / "sbom.cdx.json").write_text(bill(wheels, target, extras, digest), encoding="utf-8")
    unknown = collect_licences(wheels, folder / "licences")
    if unknown:
        _say(f"licence unknown: {', '.join(unknown)}")
    about = {"VERSION": own.version, "PYTHON": target.python, "MACHINE": target.machine, "GLIBC": target.glibc}
    lines = [f"{name}={value}" for name, value in about.items()]
    (folder / "bundle.env").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _hash_all(folder: Path) -> None:
    """SHA-256 of every file, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}" for path in files
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _pack(folder: Path) -> None:
    """The archive, and its hash to be told by another way than the archive itself."""
    archive = folder.with_name(folder.name + ".tar.gz")
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:  # wheels are compressed already
        packed.add(folder, folder.name)
    beside = archive.with_name(archive.name + ".sha256")
    beside.write_text(f"{_sha256(archive)}  {archive.name}\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _say(text: str) -> None:
    print(f"bundle: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
