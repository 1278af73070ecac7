"""SQL text to statements: parted at semicolons, comments left out, `:name` only where SQL means a parameter."""

import re
from collections.abc import Iterable

from sqlalchemy import TextClause, text

_PARTS = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<end>;)""",
    re.VERBOSE | re.DOTALL,
)


def parted(sql: str, *, whole: bool = False) -> list[str]:
    """The statements of a text, without comments. `whole`: it is one, whatever semicolons it has (a procedure)."""
    statements = [""]
    position = 0
    for part in _PARTS.finditer(sql):
        statements[-1] += sql[position : part.start()]
        position = part.end()
        if part["quoted"] or (part["end"] and whole):
            statements[-1] += part[0]
        elif part["end"]:
            statements.append("")
        else:
            statements[-1] += " "
    statements[-1] += sql[position:]
    return [statement.strip() for statement in statements if statement.strip()]


def compiled(sql: str, *, whole: bool) -> list[TextClause]:
    """The statements, ready to run. A colon inside quotes is no parameter."""
    return [text(_PARTS.sub(_literal, statement)) for statement in parted(sql, whole=whole)]


def names(statements: Iterable[TextClause]) -> set[str]:
    """The parameters of some statements."""
    return {name for statement in statements for name in statement.compile().params}


def _literal(part: re.Match[str]) -> str:
    return part[0].replace(":", r"\:") if part["quoted"] else part[0]
