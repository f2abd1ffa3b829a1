"""How logs are rotated: settings of logrotate, in general and for some files."""

from __future__ import annotations

import re
from typing import Any

from saltern.sdk import BadArgument, Changes, Conflict, Host, Moment, NotFound, State

DEFAULT = "/etc/logrotate.conf"

Value = str | int | bool
_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")
#: Ends of files that logrotate passes over in a directory that is included.
_PASSED = (
    ".dpkg-old",
    ".dpkg-new",
    ".dpkg-dist",
    ".dpkg-bak",
    ".rpmsave",
    ".rpmorig",
    "~",
    ",v",
    ".swp",
    ".bak",
)


class _Settings:
    """A file as its lines: where each setting stands, by the block it is in ("" outside of all)."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.places: dict[str, dict[str, int]] = {"": {}}
        self.ends: dict[str, int] = {}
        self._read()

    def _read(self) -> None:
        block, paths, script = "", list[str](), False
        for at, line in enumerate(self.lines):
            words = re.sub(r"(^|\s)#.*", "", line).split()
            if not words or script:
                script = script and words != ["endscript"]
            elif words == ["}"]:
                self.ends[block], block = at, ""
            elif words[-1] == "{":
                block, paths = " ".join([*paths, *words[:-1]]), []
                self.places[block] = {}
            elif not block and words[0].startswith(("/", '"', "'", "~")):
                paths += words
            else:
                script = words[0] in _SCRIPTS
                self.places[block].setdefault(words[0], at)
                self.places[block][words[0]] = at

    def block(self, path: str) -> str | None:
        """Return the block for a path: it may name several."""
        return next((one for one in self.places if one and (one == path or path in _paths(one))), None)

    def value(self, block: str, name: str) -> Value | None:
        """Return a setting: true for one without a value; None when it is not there."""
        at = self.places[block].get(name)
        if at is None:
            return None
        if name in _SCRIPTS:
            return self._script(at)
        text = re.sub(r"\s#.*", "", self.lines[at]).strip()[len(name) :].strip(" \t=")
        return True if not text else int(text) if text.isdigit() else text

    def _script(self, at: int) -> str:
        end = next(
            n
            for n in [*range(at, len(self.lines)), None]
            if n is None or self.lines[n].strip() == "endscript"
        )
        return "\n".join(line.strip() for line in self.lines[at + 1 : end])

    def all(self) -> dict[str, Any]:
        """Return settings outside of blocks as they are, blocks as ``{setting: value}``."""
        outside = {name: self.value("", name) for name in self.places[""]}
        inside = {
            one: {name: self.value(one, name) for name in names} for one, names in self.places.items() if one
        }
        return {**outside, **inside}

    def with_value(self, block: str, name: str, value: Value) -> str:
        """Return the text with a setting written where it stands, or at its block's end; False removes it."""
        line = f"{'    ' if block else ''}{name}{'' if value is True else f' {value}'}"
        lines, at = list(self.lines), self.places.get(block, {}).get(name)
        if at is not None:
            indent = re.match(r"\s*", lines[at])
            lines[at : at + 1] = [] if value is False else [f"{indent[0] if indent else ''}{line.strip()}"]
        elif block and block in self.ends:
            lines.insert(self.ends[block], line)
        elif block:
            lines += [f"{block} {{", line, "}"]
        else:
            lines.insert(self._before_all(), line)
        return "\n".join([*lines, ""])

    def _before_all(self) -> int:
        """Return where settings for all belong: before what they shall hold for."""
        bare = (line.strip() for line in self.lines)
        firsts = ("/", '"', "'", "include")
        return next((at for at, line in enumerate(bare) if line.startswith(firsts)), len(self.lines))


def _paths(block: str) -> list[str]:
    return [one.strip("\"'") for one in block.split()]


def show_conf(host: Host, conf_file: str = DEFAULT) -> dict[str, Any]:
    """Return settings as they are and blocks as ``{setting: value}``, those of included files too.

    ``include files`` names those, by the directory. Raises NotFound.

    Example:
        saltern run '*' logrotate.show_conf
    """
    found = _read(host, conf_file).all()
    directory = found.pop("include", None)
    if not isinstance(directory, str):
        return found
    names = [one for one in _included(host, directory) if not one.endswith(_PASSED)]
    for name in names:
        found.update(_read(host, name).all())
    return {**found, "include files": {directory: [name.rpartition("/")[2] for name in names]}}


def get(host: Host, key: str, value: str | None = None, conf_file: str = DEFAULT) -> Any:
    """Return a setting, a block, or with ``value`` a setting of the block ``key``; null when it is not there.

    Example:
        saltern run '*' logrotate.get /var/log/wtmp rotate
    """
    found = show_conf(host, conf_file).get(key)
    return found if value is None else found.get(value) if isinstance(found, dict) else None


def set_(host: Host, key: str, value: Value, setting: Value | None = None, conf_file: str = DEFAULT) -> bool:
    """Set ``key`` to ``value``, or in the block ``key`` the setting ``value`` to ``setting``; return true.

    A setting without a value is true; false removes it. Raises BadArgument, Conflict, NotFound.

    Example:
        saltern run '*' logrotate.set /var/log/wtmp rotate 2
    """
    settings = _read(host, conf_file)
    block, name, wanted = _meant(settings, key, value, setting)
    _refuse_elsewhere(host, settings, block, conf_file)
    if _now(settings, block, name) != wanted:
        host.write(conf_file, settings.with_value(block, name, wanted).encode())
    return True


class Set(State, frozen=True, kw_only=True):
    """Keep a setting: ``key`` is ``value``; or in the block ``key`` the setting ``value`` is ``setting``.

    A setting without a value is true; false removes it. Comments and order stay.

    Example:
        - logrotate.set: {name: wtmp, key: /var/log/wtmp, value: rotate, setting: 2}
    """

    key: str
    value: Value
    setting: Value | None = None
    conf_file: str = DEFAULT

    def check(self, host: Host) -> Changes:
        """Return ``{old, new}``. Raises BadArgument, Conflict, NotFound."""
        settings = _read(host, self.conf_file)
        block, name, wanted = _meant(settings, self.key, self.value, self.setting)
        _refuse_elsewhere(host, settings, block, self.conf_file)
        now = _now(settings, block, name)
        return Changes() if now == wanted else Changes({"old": now, "new": wanted})

    def apply(self, host: Host, changes: Changes) -> None:
        """Write it."""
        set_(host, self.key, self.value, self.setting, self.conf_file)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        inside = self.setting is not None
        what = f"block '{self.key}' command '{self.value}'" if inside else f"command '{self.key}'"
        value = self.setting if inside else self.value
        return {
            Moment.CORRECT: f"{what[0].upper()}{what[1:]} already set to: {value}",
            Moment.WOULD: f"{what[0].upper()}{what[1:]} will be set to: {value}",
            Moment.DONE: f"Set {what} value: {value}",
        }[moment]


def _now(settings: _Settings, block: str, name: str) -> Value:
    """Return a setting as it is; False when it is not there."""
    found = settings.value(block, name) if block in settings.places else None
    return False if found is None else found


def _meant(settings: _Settings, key: str, value: Value, setting: Value | None) -> tuple[str, str, Value]:
    """Return block, name and value. Raises BadArgument for what would be more than one setting."""
    block = "" if setting is None else settings.block(key) or key
    name, wanted = (key, value) if setting is None else (str(value), setting)
    if not re.fullmatch(r"[a-z]+", name) or name in (*_SCRIPTS, "include"):
        raise BadArgument(
            f"{name!r} is no setting of logrotate that can be set", hint="write rotate, weekly …"
        )
    text = str(wanted)
    if not text.isprintable() or any(sign in text for sign in "{}#") or not text.strip():
        raise BadArgument(f"{text!r} is no value of {name}")
    if setting is not None and (
        not block.startswith(("/", '"', "'")) or not block.isprintable() or "{" in block
    ):
        raise BadArgument(f"key = {key!r} is no path of logs", hint="write /var/log/wtmp")
    return block, name, int(wanted) if isinstance(wanted, str) and wanted.isdigit() else wanted


def _refuse_elsewhere(host: Host, settings: _Settings, block: str, path: str) -> None:
    """Raise Conflict when a file that is included has the block: a second one would be an error."""
    directory = settings.value("", "include")
    if not block or block in settings.places or not isinstance(directory, str):
        return
    for name in _included(host, directory):
        if name != path and _read(host, name).block(block) is not None:
            raise Conflict(f"{block} is in {name}", hint=f"- conf_file: {name}")


def _included(host: Host, directory: str) -> list[str]:
    found = host.stat(directory)
    if found is None:
        return []
    if found.kind != "directory":
        return [directory]
    paths = [f"{directory.rstrip('/')}/{name}" for name in host.list_directory(directory)]
    return [path for path in paths if (one := host.stat(path)) is not None and one.kind == "file"]


def _read(host: Host, path: str) -> _Settings:
    if not host.exists(path):
        raise NotFound(f"{path} is not there", hint="pkg.installed: {name: logrotate}")
    return _Settings(host.text(path))
