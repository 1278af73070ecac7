"""The page of all verbs with their arguments and options, made from the commands themselves."""

from collections.abc import Iterator

import click

from engine.cli.main import main


def commands_page() -> str:
    """Every verb and the verbs below it, in the order of `hisbus --help`."""
    context = click.Context(main, info_name="hisbus")
    lines = ["# Commands", "", *_words(main), ""]
    for command, path in _below(main, context):
        lines += [f"## `{path}`", "", *_words(command), ""]
        options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
        if options:
            lines += ["| option | meaning |", "|---|---|"]
            lines += [f"| {_names(one)} | {_cell(one.help or '')} |" for one in options]
            lines.append("")
    return "\n".join(lines)


def _below(group: click.Group, context: click.Context) -> Iterator[tuple[click.Command, str]]:
    """The commands that do something, each as it is typed."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, "it is among the names of its group"
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _below(command, inner)
        else:
            arguments = [one.make_metavar(inner) for one in command.params if isinstance(one, click.Argument)]
            yield command, " ".join([inner.command_path, *arguments])


def _words(command: click.Command) -> Iterator[str]:
    """Its help, with the line ends of a paragraph taken out."""
    paragraphs = (command.help or "").split("\n\n")
    yield "\n\n".join(" ".join(paragraph.replace("\b", "").split()) for paragraph in paragraphs)


def _names(option: click.Option) -> str:
    shown = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
    return f"{shown}{_cell(value)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
