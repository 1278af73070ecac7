"""The first text of a new profile: one that is like another, or one with every operation that a system describes.

Both pass `hisbus check` as they are; what is still to be said stands in them as comments.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.contract import Offered
from engine.model import Profile

_SCHEMA = "# yaml-language-server: $schema=../../docs/reference/profile.schema.json\n"
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[.\-]")
_EFFECT = "change"
"""Until somebody has said otherwise: what may change something is never sent twice."""

_TO_SAY = """\
# Every operation of the description, called and no more. Delete what no route needs; for each of the others say:
#   its name          routes call it by that (to: <system>.<name>): with another profile's names they stay as they are
#   takes, gives      our documents (hisbus describe shape)
#   effect            none where it only reads; change or money, with ask: {by: <an operation that reads>}
#   request, reply    their field: our source; our field: their source (docs/mapping.md, hisbus describe function)
#   examples          what goes out and what comes back, from their manual: hisbus test runs them
# And for all of them, what answers mean. Until then every answer that is no fault counts as done:
# meaning:
#   code: Response/ResultCode
#   text: Response/ResultContent
#   delivered: ["0"]
#   refused: {"1": rejected}
"""


def like(name: str, base: Profile) -> str:
    """The text of a profile that differs in nothing yet from `base`."""
    own = [f"# Its operations: {_listed(base.outgoing)}"]
    own += [f"# What it reads: {_listed(base.incoming)}"] if base.incoming else []
    own += [f"# To be set in config/: {_listed(base.settings)}"] if base.settings else []
    return (
        f"{_SCHEMA}"
        f"# What differs from {base.name} is laid over it, key by key: all else is replaced, null takes away.\n"
        f"# tables: {{sex: {{male: M}}}}\n"
        f"# outgoing: {{name_of_one: {{request: {{Their/Field: our_field}}}}}}\n"
        f"{_lines(own)}"
        f"profile: {name}\n"
        f"says: Like {base.name}.\n"
        f"like: {base.name}\n"
        f"adapter: {base.adapter}\n"
    )


def sketched(name: str, adapter: str, options: Mapping[str, Any], wire: str, offered: Iterable[Offered]) -> str:
    """The text of a profile for a system that describes itself; what cannot be called stands there as a comment."""
    offered = list(offered)
    unfit = [f"# {each.name} cannot be called: {each.unfit} ({each.says})" for each in offered if each.unfit]
    return (
        f"{_SCHEMA}{_TO_SAY}{_lines(unfit)}"
        f"profile: {name}\n"
        f"says: {json.dumps(f'{name}, as it describes itself.', ensure_ascii=False)}\n"
        f"adapter: {adapter}\n"
        f"{adapter}: {_flow(options)}\n"
        f"format: {wire}\n\n"
        "outgoing:\n"
    ) + "\n".join(_operation(ours, adapter, each) for ours, each in names(offered).items())


def names(offered: Iterable[Offered]) -> dict[str, Offered]:
    """What can be called, by names of ours: `get_dept_info` for GetDeptInfo."""
    found: dict[str, Offered] = {}
    for each in offered:
        word = _WORDS.sub("_", each.name).lower()
        spare = (f"{word}_{number}" for number in range(2, len(found) + 3))
        if not each.unfit:
            found[word if word not in found else next(one for one in spare if one not in found)] = each
    return found


def _operation(name: str, adapter: str, offered: Offered) -> str:
    says = json.dumps(offered.says, ensure_ascii=False)
    return f"  {name}:\n    says: {says}\n    effect: {_EFFECT}\n    {adapter}: {_flow(offered.options)}\n"


def _flow(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()) + "}"


def _lines(comments: Iterable[str]) -> str:
    return "".join(f"{comment}\n" for comment in comments)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
