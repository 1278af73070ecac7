"""How verbs speak: text for people, JSON with `--json`; findings, refusals and progress on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any, NoReturn

import click

from engine.base.errors import Exit
from engine.base.where import Problem


class CannotRun(click.ClickException):
    """What was asked cannot be done now: says why and what to do, exit code 3."""

    exit_code = Exit.CANNOT_RUN.value

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what} ({hint})" if hint else what)
        self.what = what
        self.hint = hint
        context = click.get_current_context(silent=True)
        self._as_json = context is not None and bool(context.params.get("as_json"))

    def show(self, file: IO[Any] | None = None) -> None:
        if self._as_json:
            as_json({"error": {"what": self.what, "hint": self.hint}})
        else:
            click.echo(f"hisbus: {self.message}", file=file or sys.stderr)


def as_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def findings(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Findings as JSON carries them."""
    return [
        {
            "file": problem.where.file,
            "line": problem.where.line,
            "column": problem.where.column,
            "what": problem.what,
            "hint": problem.hint,
        }
        for problem in problems
    ]


def refuse(problems: Sequence[Problem], as_json_too: bool) -> NoReturn:
    """Every finding with its place, and exit code 1."""
    if as_json_too:
        as_json({"ok": False, "findings": findings(problems)})
    else:
        for problem in problems:
            click.echo(f"{click.style(str(problem.where), bold=True)}: {problem.what}")
            if problem.hint:
                click.echo(f"    {problem.hint}")
        click.echo(f"{len(problems)} finding{'s' if len(problems) != 1 else ''}", err=True)
    raise SystemExit(Exit.FINDINGS.value)


def table(rows: Sequence[Sequence[Any]], heads: Sequence[str]) -> None:
    """Aligned columns for people; Chinese characters are two columns wide."""
    texts = [[str(head) for head in heads], *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(_width(row[column]) for row in texts) for column in range(len(heads))]
    for row in texts:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def progress(text: str) -> None:
    """One line of progress on standard error: nobody waits without knowing for what."""
    click.echo(text, err=True)


def _width(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
