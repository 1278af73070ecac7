"""The few things every page of the hospital is made of."""

from __future__ import annotations

from html import escape
from typing import Any


class Html(str):
    """Text that is HTML already and goes into a table as it is."""

    __slots__ = ()


def table(heads: str, rows: list[list[Any]]) -> str:
    """A table under heads parted by blanks; cells are escaped, unless they are `Html`."""
    top = "".join(f"<th>{head}</th>" for head in heads.split())
    body = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>" if rows else "<p>(暂无)</p>"


def button(action: str, text: str, back: str, **fields: str) -> Html:
    """A form of one button that posts its fields and comes back."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in {**fields, "back": back}.items()
    )
    return Html(f'<form method="post" action="{action}">{hidden}<input type="submit" value="{text}"></form>')


def _cell(cell: Any) -> str:
    return cell if isinstance(cell, Html) else escape("" if cell is None else str(cell))
