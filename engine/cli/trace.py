"""`hisbus trace <id>`: everything that happened to one message, in order of time, without its contents."""

import asyncio
from typing import Any

import click

from engine.cli.book import StepNames, local, reading
from engine.cli.say import CannotRun, as_json, table
from engine.cli.site import Site, site_options
from engine.journal.history import Trace
from engine.routing.accept import REFUSED
from engine.settings.layers import Loaded


@click.command("trace")
@click.argument("id")
@site_options
def command(site: Site, id: str) -> None:  # noqa: A002 - the argument is called so
    """Shows everything that happened to message ID, in order of time, without its contents. Needs no running bus."""
    loaded = site.load()
    trace, names = asyncio.run(_trace(site, loaded, id))
    if site.as_json:
        as_json(_as_json(loaded, trace, names))
        return
    line = trace.line
    click.echo(f"{line.id}  route {line.route}  received {local(loaded, line.received)}  release {trace.release[:12]}")
    for label, value in (("part of", trace.parent), ("parts", ", ".join(trace.children))):
        if value:
            click.echo(f"  {label} {value}")
    steps = [
        (names[one.step], one.system, one.state, one.why or one.code or "", one.attempt, local(loaded, one.due))
        for one in line.steps
    ]
    table(steps, ("step", "system", "state", "why", "attempts", "due"))
    click.echo()
    table(_events(loaded, trace, names), ("when", "step", "what", "how it ended"))


async def _trace(site: Site, loaded: Loaded, id_: str) -> tuple[Trace, dict[int, str]]:
    async with reading(site, loaded) as history:
        trace = await history.trace(id_)
        if trace is None:
            raise CannotRun(f"there is no message {id_!r}", "hisbus list shows those there are")
        return trace, await StepNames(history).of(trace.line, trace.release)


def _events(loaded: Loaded, trace: Trace, names: dict[int, str]) -> list[tuple[str, str, str, str]]:
    """Attempts and acts in one order: a retry stands between the attempts that it parts."""
    kept = "refused, kept" if trace.line.route == REFUSED else "accepted, on disk"
    events = [(trace.line.received, "", "received", kept)]
    for one in trace.attempts:
        what = "attempt " + str(one.n) if one.n else "no call"
        ended = " ".join(word for word in (one.outcome, one.code) if word) or "no outcome yet"
        ended += f", their code {one.backend_code}" if one.backend_code else ""
        took = f" after {(one.ended - one.at) // 1000} ms" if one.ended is not None and one.ended > one.at else ""
        beside = " (evidence: a later word replaced it, or it came too late)" if one.late else ""
        events.append((one.at, names.get(one.step, str(one.step)), what, ended + took + beside))
    acts = [(act.at, names.get(act.step, ""), f"{act.verb} by {act.who}", act.reason) for act in trace.acts]
    return [(local(loaded, at), step, what, ended) for at, step, what, ended in sorted(events + acts)]


def _as_json(loaded: Loaded, trace: Trace, names: dict[int, str]) -> dict[str, Any]:
    line = trace.line
    return {
        "id": line.id,
        "seq": line.seq,
        "route": line.route,
        "release": trace.release,
        "received": local(loaded, line.received),
        "deadline": local(loaded, trace.deadline),
        "answered": trace.answered,
        "parent": trace.parent,
        "children": list(trace.children),
        "steps": [
            {"step": names[one.step], "system": one.system, "state": one.state, "why": one.why, "code": one.code}
            for one in line.steps
        ],
        "attempts": [
            {
                "step": names.get(one.step, str(one.step)),
                "n": one.n,
                "at": local(loaded, one.at),
                "ended": local(loaded, one.ended),
                "outcome": one.outcome,
                "code": one.code,
                "backend_code": one.backend_code,
                "late": one.late,
            }
            for one in trace.attempts
        ],
        "acts": [
            {"at": local(loaded, act.at), "step": names.get(act.step), "verb": act.verb, "who": act.who}
            | {"reason": act.reason}
            for act in trace.acts
        ],
    }
