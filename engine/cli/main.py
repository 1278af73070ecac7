"""`hisbus`: the verbs, each in a file of its own that is imported when the verb is used.

Exit codes: 0 fine, 1 findings, 2 wrong usage, 3 cannot run.
"""

from importlib import import_module
from typing import Any

import click

VERBS = {
    "check": "Check all texts and settings; what check passes, run accepts.",
    "test": "Run the examples of profiles and the scenarios of routes.",
    "try": "Show one mapping of a message, field by field.",
    "explain": "Show a route step by step, or every setting with its place.",
    "describe": "Describe an adapter, function, shape, setting or error.",
    "new": "Begin a profile: like another one, or from a system's WSDL.",
    "run": "Run the bus in the foreground.",
    "status": "Show what the running bus listens to and waits for.",
    "reload": "Put changed texts and settings in force without a restart.",
    "releases": "List the releases of the texts: in force, since when, by whom.",
    "rollback": "Put a former release of the texts in force again.",
    "send": "Send a file to a running bus the way a peer would.",
    "call": "Sign and call an operation of the unified API.",
    "collect": "Run the schedule of a route now.",
    "completeness": "Show whether everything of a day went out.",
    "list": "List messages, newest first.",
    "trace": "Show everything that happened to one message.",
    "retry": "Send a parked or waiting delivery again.",
    "park": "Hold a delivery until a person decides.",
    "drop": "Give a delivery up for good.",
    "settle": "Say what the system behind did, for a delivery in doubt.",
    "journal": "Init, verify, upgrade, prune, back up, restore or export the journal.",
}
"""Every verb with its one line; `hisbus --help` shows them without importing any."""


class Verbs(click.Group):
    """A group whose commands are imported one at a time: `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module = import_module(f"engine.cli.{cmd_name}_verb" if cmd_name == "try" else f"engine.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] not in VERBS:
            from engine.base.where import did_you_mean

            hint = did_you_mean(args[0], VERBS)
            raise click.UsageError(f"there is no verb {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=Verbs)
@click.version_option(package_name="hisbus")
def main() -> None:
    """The hospital interface bus.

    A site is a folder with routes.yaml, mappings/ and config/: --site or $HISBUS_SITE, else the
    current one. $HISBUS_ENV or --env picks config/<env>.yaml.

    Exit codes: 0 fine, 1 findings, 2 wrong usage, 3 cannot run.
    """
