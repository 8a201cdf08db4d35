"""The directive `commands`: every command of the shell with its arguments and options, out of the parsers themselves."""

import typer
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stavis.cli import app as shell


class Commands(SphinxDirective):
    """A section for each command, in the order of `stavis --help`."""

    def run(self) -> list[nodes.Node]:
        """Sections made of the parsers."""
        group = typer.main.get_command(shell)
        found = {name: command for name, command in group.commands.items() if not command.hidden}
        order = {panel: k for k, panel in enumerate(("Look", "Train", "Judge", "Data", "Batch"))}
        return [self._command(name, found[name]) for name in sorted(found, key=lambda n: (order[found[n].rich_help_panel], n))]

    def _command(self, name: str, command) -> nodes.section:
        section = nodes.section(ids=[f"stavis-{name}"], names=[f"stavis {name}"])
        section += nodes.title(text=f"stavis {name}")
        self.state.document.note_explicit_target(section, section)
        paragraphs = [" ".join(text.split()) for text in (command.help or "").split("\n\n")]
        section += nodes.paragraph(text=paragraphs[0])
        examples = [text.removeprefix("Example: ") for text in paragraphs[1:] if text.startswith("Example: ")]
        section += [nodes.paragraph(text=text) for text in paragraphs[1:] if not text.startswith("Example: ")]
        if examples:
            section += nodes.literal_block(text="\n".join(examples), language="console")
        parameters = [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
        section += self._table([self._row(one) for one in parameters])
        return section

    def _row(self, parameter) -> tuple[str, str, str]:
        """The names, what it is for, what it is where it is left out."""
        argument = not parameter.opts[0].startswith("-")
        flag = getattr(parameter, "is_flag", False)
        names = parameter.name.upper() if argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
        names += "" if flag or argument else f" {type_name(parameter)}"
        default = "required" if parameter.required else "" if flag or parameter.default in (None, (), [], "") else str(parameter.default)
        return names, parameter.help or "", default

    def _table(self, rows: list[tuple[str, str, str]]) -> list[nodes.Node]:
        if not rows:
            return []
        table, group = nodes.table(classes=["options"]), nodes.tgroup(cols=3)
        group += [nodes.colspec(colwidth=width) for width in (30, 55, 15)]
        head, body = nodes.thead(), nodes.tbody()
        head += self._line([nodes.Text(text) for text in ("Option", "What it says", "Left out")])
        body += [self._line([nodes.literal(text=names), nodes.Text(text), nodes.Text(default)]) for names, text, default in rows]
        group += [head, body]
        table += group
        return [table]

    def _line(self, cells: list[nodes.Node]) -> nodes.row:
        line = nodes.row()
        for cell in cells:
            entry, paragraph = nodes.entry(), nodes.paragraph()
            paragraph += cell
            entry += paragraph
            line += entry
        return line


def type_name(parameter) -> str:
    """What an option takes, in capitals. Earlier versions of typer keep the type of click."""
    described = getattr(parameter, "type_descriptor", None)
    name = getattr(described.annotation, "__name__", "text") if described else parameter.type.name
    return {"str": "TEXT", "list": "TEXT", "int": "NUMBER", "float": "NUMBER", "integer": "NUMBER"}.get(name, name.upper())


def setup(app) -> dict:
    """Sphinx calls this."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
