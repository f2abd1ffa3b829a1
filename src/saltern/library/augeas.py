"""Configuration files as trees, read and changed by Augeas."""

from __future__ import annotations

import re
import shlex
from typing import Any

from saltern.library._tool import Tool
from saltern.library.file import place
from saltern.sdk import BadArgument, Changes, CommandFailed, Done, Host, Moment, State

REQUIRES = ("augtool",)

#: Commands that change the tree: the fewest and the most arguments, and which of them are paths.
_CHANGING = {
    "set": (2, 2, (0,)),
    "setm": (3, 3, (0,)),
    "clear": (1, 1, (0,)),
    "clearm": (2, 2, (0,)),
    "rm": (1, 1, (0,)),
    "remove": (1, 1, (0,)),
    "mv": (2, 2, (0, 1)),
    "move": (2, 2, (0, 1)),
    "ins": (3, 3, (2,)),
    "insert": (3, 3, (2,)),
    "touch": (1, 1, (0,)),
    "rename": (2, 2, (0,)),
    "defvar": (2, 2, (1,)),
    "defnode": (2, 3, (1,)),
}
_LENS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.lns)?")


def get(host: Host, path: str, value: str = "", load_path: str | None = None) -> Any:
    """Return ``{path: value}`` of a node; ``value`` is a name below it. Raises BadArgument.

    ``load_path`` names directories with lenses of one's own.

    Example:
        saltern run '*' augeas.get /files/etc/hosts/1 ipaddr
    """
    full = f"{path.rstrip('/')}/{value}" if value else path
    lines = _run(host, [f"get {_quoted(full)}"], full, None, load_path)
    return {full: next((line.partition(" = ")[2] for line in lines if " = " in line), None)}


def match(host: Host, path: str, value: str = "", load_path: str | None = None) -> dict[str, str | None]:
    """Return the nodes that an expression meets, ``{path: value}``; with ``value`` those that have it.

    Example:
        saltern run '*' augeas.match '/files/etc/services/service-name' ssh
    """
    found: dict[str, str | None] = {}
    for line in _run(host, [f"match {_quoted(path)}"], path, None, load_path):
        node, has_value, text = line.partition(" = ")
        if node.startswith("/"):
            found[node] = text if has_value else None
    return {node: text for node, text in found.items() if not value or text == value}


def ls(host: Host, path: str, load_path: str | None = None) -> dict[str, str | None]:
    """Return what is right below a node, ``{path: value}``.

    Example:
        saltern run '*' augeas.ls /files/etc/passwd
    """
    return match(host, f"{path.rstrip('/')}/*", "", load_path)


def execute(
    host: Host,
    context: str | None = None,
    lens: str | None = None,
    commands: list[str] | None = None,
    load_path: str | None = None,
) -> dict[str, Any]:
    """Run commands that change files (``set``, ``rm``, ``ins``, ``mv``, ``clear`` …) and write them.

    Paths begin at ``context``, such as ``/files/etc/ssh/sshd_config``. Returns ``{retval}``.
    Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' augeas.execute /files/etc/hosts commands='["set 1/canonical here"]'
    """
    _run(host, [*_script(context, commands or []), "save"], context or "", lens, load_path)
    return {"retval": True}


class Change(State, frozen=True, kw_only=True):
    """Keep files as commands of Augeas leave them: ``changes``, with paths that begin at ``context``.

    ``lens`` reads a file that Augeas does not look for by itself; ``load_path`` has lenses of one's own.

    Example:
        - augeas.change:
            name: ssh
            context: /files/etc/ssh/sshd_config
            changes: [set PermitRootLogin no, rm Banner]
    """

    changes: list[str]
    context: str | None = None
    lens: str | None = None
    load_path: str | None = None

    def check(self, host: Host) -> Changes:
        """Return ``{file: changed}`` of files that would be written. Raises BadArgument, CommandFailed."""
        commands = [*_script(self.context, self.changes), "set /augeas/save noop", "save"]
        asked = [*commands, "match /augeas/events/saved"]
        lines = _run(host, asked, self.context or "", self.lens, self.load_path)
        files = [line.partition(" = /files")[2] for line in lines if line.startswith("/augeas/events/saved")]
        return Changes(dict.fromkeys(files, "changed"), mend=files)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Change and write them; the changes are ``{diff}``."""
        before = {path: host.read(path) if host.exists(path) else b"" for path in changes.mend}
        execute(host, self.context, self.lens, self.changes, self.load_path)
        diff = "".join(place.difference(old, host.read(path), path) for path, old in before.items())
        return Done(changes={"diff": diff}, comment="Changes have been saved")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "No changes made" if moment is Moment.CORRECT else "Changes would be made"


def _quoted(word: str) -> str:
    if any(sign in word for sign in "\n\r\0"):
        raise BadArgument(f"{word!r} is more than one line")
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _command(written: str, context: str | None) -> str:
    """Return a command in Augeas' words. Raises BadArgument for one that is not about changing the tree."""
    try:
        verb, *words = shlex.split(written) or [""]
    except ValueError as error:
        raise BadArgument(f"{written!r} can't be split into words: {error}") from None
    if verb not in _CHANGING or "\n" in written:
        known = ", ".join(sorted(_CHANGING))
        raise BadArgument(f"{written!r}: no command that changes a file", hint=known)
    fewest, most, paths = _CHANGING[verb]
    if len(words) < fewest:
        raise BadArgument(f"{written!r}: {verb} takes {fewest} arguments")
    given = [*words[: most - 1], " ".join(words[most - 1 :])] if len(words) >= most else words
    placed = [_below(context, one) if at in paths else one for at, one in enumerate(given)]
    return " ".join([verb, *map(_quoted, placed)])


def _below(context: str | None, path: str) -> str:
    """Return a path that begins at ``context``, unless it begins at the root or a variable."""
    return path if context is None or path.startswith(("/", "$")) else f"{context.rstrip('/')}/{path}"


def _script(context: str | None, commands: list[str]) -> list[str]:
    """Return commands in Augeas' words. Raises BadArgument."""
    if context is not None and not context.startswith("/files/"):
        raise BadArgument(f"context = {context!r} is no file in the tree", hint="write /files/etc/hosts")
    return [_command(one, context) for one in commands]


def _run(host: Host, commands: list[str], path: str, lens: str | None, load_path: str | None) -> list[str]:
    """Run commands, one a line, and return what is said. Raises CommandFailed."""
    tool = Tool(argv=("augtool", *_options(path, lens, load_path)))
    done = tool.ends(host, stdin="".join(f"{one}\n" for one in commands).encode())
    if done.retcode or done.stderr.strip():
        raise tool.failure(done)
    said = done.stdout.decode(errors="replace").splitlines()
    wrong = [line for line in said if line.startswith(("error:", "Saving failed"))]
    if wrong:
        raise CommandFailed(f"augtool: {' '.join(wrong)}", hint="is the file one that its lens can write?")
    return said


def _options(path: str, lens: str | None, load_path: str | None) -> list[str]:
    said = [f"--include={one}" for one in (load_path or "").split(":") if one]
    if lens is None:
        return said
    if not _LENS.fullmatch(lens) or not path.startswith("/files/") or " " in path:
        raise BadArgument(f"lens = {lens!r}: a lens, and a file in context, are wanted", hint="lens: hosts")
    file = path.removeprefix("/files")
    name = lens.removesuffix(".lns")
    return [*said, "--noautoload", f"--transform={name[0].upper()}{name[1:]} incl {file}"]
