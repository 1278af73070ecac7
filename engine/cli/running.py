"""Asking the running bus of a site through its control socket."""

import json
from typing import Any

from engine.app.control import connect
from engine.cli.say import CannotRun
from engine.cli.site import Site
from engine.settings.layers import Loaded


class NoBus(CannotRun):
    """No bus runs at the site."""


def ask(site: Site, loaded: Loaded, command: str, **arguments: Any) -> Any:
    """What the running bus answers. Raises NoBus when none runs, CannotRun when it says no."""
    path = site.path(loaded.config.control.path)
    try:
        door, token = connect(path)
    except OSError as error:
        raise NoBus("no bus is running at this site", f"start it with hisbus run; looked at {path}") from error
    line = {"do": command, "with": arguments, "token": token}
    with door, door.makefile("rwb") as stream:
        stream.write(json.dumps(line).encode() + b"\n")
        stream.flush()
        answered = stream.readline()
    if not answered:
        raise CannotRun("the bus stopped before it answered", "look at its log, then at hisbus trace")
    answer = json.loads(answered)
    if "error" in answer:
        raise CannotRun(answer["error"]["what"], answer["error"]["code"])
    return answer["done"]
