"""What a site's journal keeps, in clear: read beside the bus with the site's own key."""

import asyncio
import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from engine.journal.export import export_day
from engine.journal.history import History, open_history
from engine.journal.keys import DAY, KeyRing
from engine.journal.upkeep import Verified, verify
from tests.flow.site import ask_journal, journal_url, secret


@dataclass(frozen=True, slots=True)
class Kept:
    """One message."""

    id: str
    route: str
    raw: bytes
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Each with `step`, `system`, `state`, `attempts` (`n`, `at`, `outcome` …)."""


def kept(site: Path) -> list[Kept]:
    """Every message, in the order of acceptance."""
    return asyncio.run(_kept(site))


def verified(site: Path) -> Verified:
    """What the journal's own check of invariants and bodies says."""
    return asyncio.run(_verified(site))


async def _open(site: Path) -> History:
    return await open_history(journal_url(site), KeyRing(secret(site, "journal_key").encode()))


async def _kept(site: Path) -> list[Kept]:
    history = await _open(site)
    found = []
    try:
        for (day,) in ask_journal(site, f"select distinct received / {DAY} from messages order by 1"):
            async for line in export_day(history, day):
                told = orjson.loads(line)
                found.append(Kept(told["id"], told["route"], _bytes(told["raw"]), told["steps"]))
    finally:
        await history.close()
    return found


async def _verified(site: Path) -> Verified:
    history = await _open(site)
    try:
        return await verify(history, lambda done, total: None)
    finally:
        await history.close()


def _bytes(told: str | dict[str, str]) -> bytes:
    return told.encode() if isinstance(told, str) else base64.b64decode(told["base64"])
