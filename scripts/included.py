"""Files shown in a guide: a line `<!-- include: samples/call.py -->` is followed by the file's text in a code block."""

import re
from pathlib import Path

_LANGUAGES = {".sh": "bash", ".py": "python", ".mjs": "javascript", ".java": "java"}
_PLACE = re.compile(r"^<!-- include: (\S+) -->\n(?:```\w+\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


def with_files(guide: Path) -> str:
    """The guide's text with every file as it stands now."""

    def block(found: re.Match[str]) -> str:
        file = guide.parent / found[1]
        return f"{found[0].splitlines()[0]}\n```{_LANGUAGES[file.suffix]}\n{file.read_text(encoding='utf-8')}```\n"

    return _PLACE.sub(block, guide.read_text(encoding="utf-8"))
