"""Every command that a page shows is run by a test, or says why not, and can at least be typed: its verb and its options
are there.
"""

import re
import shlex
from pathlib import Path

import click
import pytest

from engine.cli.main import VERBS, main
from tests.flow.site import ROOT

PAGES = [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PLAYED = {
    "README.md", "README.zh-CN.md", "installation.md", "new-vendor.md", "operations.md", "regulator.md", "sandbox-his.md",
}  # fmt: skip
"""Pages whose marked blocks are run: test_documented_commands.py, test_new_vendor.py, test_bundle.py."""
BLOCK = re.compile(r"^(.*)\n```sh\n([^`]*?)^```$", re.MULTILINE)
RUN = re.compile(r"<!-- run(?:: .+)? -->\Z")
NOT_RUN = re.compile(r"<!-- not run: .{5,} -->\Z")
ELSEWHERE = "<!-- run elsewhere -->"
INLINE = re.compile(r"`(?:scripts/)?hisbus ([a-z][^`|…]*)")


def blocks(page: Path) -> list[tuple[str, str]]:
    """The line above each block, and its commands."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(text: str) -> set[str]:
    """Whole commands without comments; words in quotes, which a language changes, are left out, and exit codes that
    are no mistake.
    """
    joined = text.replace("\\\n", " ").replace(" || test $? = 1", "")
    bare = (re.sub(r"\s#.*", "", line).strip() for line in joined.splitlines())
    return {re.sub(r'"[^"$]*"', '""', re.sub(r"\s+", " ", line)) for line in bare if line}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    found = blocks(page)
    assert len(found) == page.read_text(encoding="utf-8").count("```sh\n"), "a block that is not seen"
    for above, text in found:
        assert RUN.match(above) or NOT_RUN.match(above) or above == ELSEWHERE, f"{page.name}: nobody runs:\n{text}"
        assert not RUN.match(above) or page.name in PLAYED


def test_what_is_run_elsewhere_is() -> None:
    every = [(page, *block) for page in PAGES for block in blocks(page)]
    played = {command for _, above, text in every if RUN.match(above) for command in commands(text)}
    shown = {(page.name, one) for page, above, text in every if above == ELSEWHERE for one in commands(text)}
    assert len(shown) > 20
    assert [f"{page}: {one}" for page, one in sorted(shown) if one not in played] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_verb_that_is_named_can_be_typed_so(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = [
        one for _, lines in blocks(page) for one in re.findall(r"\bhisbus ((?!hisbus)[a-z][^\n|)]*)", _flat(lines))
    ]
    for words in (*shown, *INLINE.findall(text)):
        assert not _strange(words), f"{page.name}: hisbus {words}: {_strange(words)}"


def _flat(lines: str) -> str:
    """Without comments, and commands inside a command on lines of their own."""
    return re.sub(r"\$\(([^()]*)\)", r"X\n\1\n", re.sub(r"\s#.*", "", lines))


def _strange(typed: str) -> list[str]:
    """The words of a command line after `hisbus` that it does not take: verbs and options."""
    words = shlex.split(re.sub(r"\s#.*", "", typed).replace("'", "").replace('"', ""))
    if words[0] not in VERBS:
        return words[:1]
    command = main.get_command(click.Context(main), words.pop(0))
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(click.Context(command), words[0])
        if inner is None:
            return words[:1]
        command = inner
        words.pop(0)
    known = {"--help"} | {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_script_that_is_named_is_there_with_its_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [one for _, shown in blocks(page) for one in re.findall(r"\bscripts/[^\n#]+", shown)]
    for line in (*lines, *re.findall(r"`(scripts/[a-z][^`]*)`", text)):
        name, _, rest = line.partition(" ")
        script = ROOT / name.split("/**")[0]
        assert script.exists(), f"{page.name}: {name}"
        if script.stem in {"hisbus", "sandbox", "test"} or script.is_dir():
            continue  # verbs are looked at above, acts and pytest take words of their own
        source = script.with_suffix(".py") if script.with_suffix(".py").exists() else script
        if script.stem == "run":
            source = ROOT / "scripts/demo.py"
        written = source.read_text(encoding="utf-8")
        assert [one for one in re.findall(r"--(?!help)[a-z-]+", rest) if one not in written] == [], (
            f"{page.name}: {line}"
        )
