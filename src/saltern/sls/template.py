"""A template under way: its text, its place in the tree, and the lines that come back from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from saltern.sls.fault import Fault, Place, SlsError, excerpt, printable
from saltern.sls.tree import Tree
from saltern.sls.world import World


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """What is rendered, for whom.

    ``path`` is relative to the file root, with slashes; ``shown`` is the path for messages; ``sls`` the
    dotted name, empty for what is not an SLS. ``context`` are further variables, and win over all others.
    """

    text: str
    path: str
    shown: str
    saltenv: str
    sls: str = ""
    world: World
    tree: Tree
    context: Mapping[str, Any] = {}

    def place(self, line: int = 0, column: int = 0) -> Place:
        """Return a place in this template's source."""
        return Place(self.shown, line, column)

    def fail(
        self,
        message: str,
        line: int = 0,
        column: int = 0,
        *,
        hint: str = "",
        rendered: str = "",
        also: int = 0,
    ) -> SlsError:
        """Return an error at a line of the source (0: of the whole file)."""
        fault = Fault(
            message=message,
            where=self.place(line, column),
            hint=hint,
            also=(self.place(also),) if also else (),
            excerpt=excerpt(self.text, line, column),
            rendered=printable(rendered.strip()) if rendered else "",
        )
        return SlsError([fault])


def paths_of(path: str) -> dict[str, str]:
    """Return the variables that say where a template stands: ``tplfile``, ``tpldir``, ``slspath``, …"""
    directory = path.rpartition("/")[0]
    return {
        "tplfile": path,
        "tpldir": directory or ".",
        "tpldot": directory.replace("/", "."),
        "tplroot": (directory or ".").split("/")[0],
        "slspath": directory,
        "slsdotpath": directory.replace("/", "."),
        "slscolonpath": directory.replace("/", ":"),
        "sls_path": directory.replace("/", "_"),
    }


class Work(msgspec.Struct, frozen=True):
    """What goes from one renderer to the next: text, or data.

    ``source`` gives for a line of the text (from 1) the line of the template that made it. ``secret``
    text has been decrypted: it is never quoted in a message.
    """

    content: Any
    source: Callable[[int], int]
    secret: bool = False

    def text(self, renderer: str, template: Template) -> str:
        """Return the text. Raises SlsError when an earlier renderer has already made data of it."""
        if isinstance(self.content, str):
            return self.content
        raise template.fail(
            f"the renderer {renderer!r} needs text, and is given {type(self.content).__name__}",
            hint="put it before the renderer that makes data in the first line: #!jinja|yaml",
        )


def same_line(line: int) -> int:
    """The source of text that nothing has been done to."""
    return line
