"""Switches as people ask for them through the control socket: `reload` and `rollback`, and what `status` says."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from engine.app.control import Handler
from engine.app.switching import By, Outcome, Switching
from engine.base.errors import BusError, Code
from engine.journal.group import GroupJournal
from engine.journal.switches import recall
from engine.routing.release import Release, digest_of, read_texts
from engine.settings.problems import Problems, TextsRefused


class Releasing(Protocol):
    """What these commands need of the bus."""

    site: Path
    journal: GroupJournal
    switching: Switching

    @property
    def release(self) -> Release: ...


def releasing(bus: Releasing) -> Mapping[str, Handler]:
    """The commands by name."""

    async def reload(asked: Mapping[str, Any]) -> Any:
        return await _said(bus.switching.reload(_by(asked), again=bool(asked.get("again"))))

    async def rollback(asked: Mapping[str, Any]) -> Any:
        if not str(asked.get("reason") or "").strip():
            raise BusError(Code.VALIDATION_FAILED, "a rollback needs its reason")
        return await _said(bus.switching.rollback(asked.get("release"), _by(asked)))

    return {"reload": reload, "rollback": rollback}


async def in_force(bus: Releasing) -> Mapping[str, Any]:
    """The release of this node, the texts in its folder, and what each node that shares the journal has."""
    switches = await recall(bus.journal)
    on_disk = digest_of(await asyncio.to_thread(read_texts, bus.site))
    return {
        "release": bus.release.digest[:12],
        "on_disk": on_disk[:12],
        "withdrawn": switches.withdrawn(on_disk) is not None,
        "nodes": {node: release[:12] for node, release in switches.in_force().items()},
    }


async def _said(switch: Awaitable[Outcome]) -> Any:
    try:
        return asdict(await switch)
    except TextsRefused as refused:
        return {"findings": found(refused.problems)}


def found(problems: Problems) -> list[dict[str, Any]]:
    """Findings as a line of JSON carries them."""
    return [asdict(problem) for problem in problems]


def _by(asked: Mapping[str, Any]) -> By:
    return By(str(asked.get("who") or "unknown"), str(asked.get("reason") or "").strip())
