"""A copy of this project's site in a folder of its own, with secrets of its own."""

import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
SECRETS = (
    "journal_key",
    "gateway_secret",
    "demo_app_secret",
    "north_app_secret",
    "narrow_app_secret",
    "regulator_secret",
)
ABSENT_AFTER = 2.0
"""Seconds until "they have nothing" is believed, in the copied site: a minute in the real one."""
PATIENCE = 60.0

T = TypeVar("T")


def copy_site(folder: Path) -> Path:
    """Texts and settings as they stand, with new secrets and quicker questions."""
    for name in ("mappings", "config"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "routes.yaml", folder)
    for profile in ("gateway/message", "his/donghua", "his/neusoft", "fhir/r4"):
        file = folder / f"mappings/{profile}.yaml"
        text = file.read_text(encoding="utf-8")
        assert "absent_after: 60s" in text
        file.write_text(text.replace("absent_after: 60s", f"absent_after: {ABSENT_AFTER:g}s"), encoding="utf-8")
    (folder / "var/secrets").mkdir(parents=True)
    for name in SECRETS:
        size = 16 if name == "regulator_secret" else 32  # the regulator's is the key of a cipher
        (folder / "var/secrets" / name).write_text(secrets.token_hex(size), encoding="ascii")
    return folder


def secret(site: Path, name: str) -> str:
    return (site / "var/secrets" / name).read_text(encoding="ascii")


def journal_of(site: Path) -> Path:
    return site / "var/journal.db"


def keep_on_postgres(site: Path, url: str) -> None:
    """Lets `journal_url` know that the site's journal lies in that database; the bus hears it from its settings."""
    (site / "var/journal.url").write_text(url, encoding="utf-8")


def journal_url(site: Path) -> str:
    """Where the site's journal lies: a file of its own unless `keep_on_postgres` said otherwise."""
    elsewhere = site / "var/journal.url"
    return elsewhere.read_text(encoding="utf-8") if elsewhere.exists() else f"sqlite:///{journal_of(site)}"


def ask_journal(site: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a reading statement beside the bus that writes; its values stand as `?`."""
    url = journal_url(site)
    if url.startswith("postgresql:"):
        with _postgres(url) as journal:
            return journal.execute(statement.replace("?", "%s").encode(), values or None).fetchall()
    with closing(sqlite3.connect(f"{journal_of(site).as_uri()}?mode=ro", uri=True, timeout=5)) as journal:
        return journal.execute(statement, values).fetchall()


def _postgres(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    parts, said = urlsplit(url), dict(parse_qsl(urlsplit(url).query))
    return psycopg.connect(
        host=said["host"],
        user=parts.username,
        dbname=parts.path.strip("/"),
        options=f"-c search_path={said['search_path']}",
        autocommit=True,
    )


def eventually(look: Callable[[], T], seconds: float = PATIENCE, what: str = "") -> T:
    """What `look` gives as soon as it gives something; AssertionError when that takes too long."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"not within {seconds:g} s: {what or look}"
        time.sleep(0.03)
    return found
