"""Answers to the questions that Debian's packages ask when they are installed."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from saltern.library._tool import Tool, checked
from saltern.library.file import origin, place
from saltern.sdk import BadArgument, Changes, Host, Moment, NotFound, State

REQUIRES = ("debconf-set-selections", "debconf-communicate")

_KINDS = ("string", "boolean", "select", "multiselect", "note", "text", "password", "title", "error")
_QUESTION = re.compile(r"[A-Za-z0-9][^\s\x00-\x1f]*")
_SET = Tool(argv=("debconf-set-selections",))


class Answer(msgspec.Struct, frozen=True):
    """What a package is told when it asks."""

    package: str
    question: str
    type: str
    value: str

    @property
    def line(self) -> str:
        """The answer as debconf-set-selections reads it."""
        return f"{self.package} {self.question} {self.type} {self.value}\n"

    @property
    def shown(self) -> str:
        """The value as it may be seen."""
        return "(password hidden)" if self.type == "password" else self.value


class Written(msgspec.Struct, forbid_unknown_fields=True):
    """An answer as people write it."""

    type: str
    value: str | int | float | bool | None = ""


def get_selections(host: Host, fetchempty: bool = True) -> dict[str, list[list[str]]]:
    """Return all answers, ``{package: [[question, type, value], …]}``; needs the package debconf-utils.

    Without ``fetchempty`` those that are empty are left out.

    Example:
        saltern run '*' debconf.get_selections
    """
    found: dict[str, list[list[str]]] = {}
    for line in host.run("debconf-get-selections").splitlines():
        package, *answer = line.split("\t", 3)
        if not line.startswith("#") and len(answer) == 3 and (fetchempty or answer[2]):
            found.setdefault(package, []).append(answer)
    return found


def show(host: Host, name: str) -> list[list[str]]:
    """Return one package's answers, ``[[question, type, value], …]``; needs the package debconf-utils.

    Example:
        saltern run '*' debconf.show tzdata
    """
    return get_selections(host).get(name, [])


def set_(host: Host, package: str, question: str, type: str, value: str | int | float | bool = "") -> bool:
    """Answer a package's question; return true. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' debconf.set postfix postfix/main_mailer_type select 'Local only'
    """
    _SET.run(host, stdin=_answer(package, question, type, value).line.encode())
    return True


def set_file(host: Host, path: str) -> bool:
    """Give the answers that a file lists, of this machine or the file roots; return true.

    A line is ``package question type value``. Raises NotFound, BadArgument, CommandFailed.

    Example:
        saltern run '*' debconf.set_file salt://app/answers
    """
    _SET.run(host, stdin="".join(one.line for one in _listed(_fetched(host, path))).encode())
    return True


def set_template(
    host: Host,
    path: str,
    template: str = "jinja",
    context: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
) -> bool:
    """Give the answers that a template lists; return true. ``context`` goes before ``defaults``.

    Example:
        saltern run '*' debconf.set_template salt://app/answers.jinja context='{mailer: Local only}'
    """
    answers = _rendered(host, path, template, context, defaults)
    _SET.run(host, stdin="".join(one.line for one in answers).encode())
    return True


class _Answers(State, frozen=True, kw_only=True):
    """What both have in common."""

    def answers(self, host: Host) -> list[Answer]:
        """Return what is wanted."""
        raise NotImplementedError

    def check(self, host: Host) -> Changes:
        """Return ``{question: New value: …}`` of what is answered otherwise, or not. Raises BadArgument."""
        wanted = self.answers(host)
        other = [one for one, now in zip(wanted, _current(host, wanted), strict=True) if now != one.value]
        return Changes({one.question: f"New value: {one.shown}" for one in other}, mend=other)

    def apply(self, host: Host, changes: Changes) -> None:
        """Answer those. Raises CommandFailed."""
        _SET.run(host, stdin="".join(one.line for one in changes.mend).encode())

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return which answers are set."""
        return {
            Moment.CORRECT: "All specified answers are already set",
            Moment.WOULD: f"Answers would be set: {', '.join(changes)}",
            Moment.DONE: f"Answers set: {', '.join(changes)}",
        }[moment]


class Set(_Answers, frozen=True, kw_only=True):
    """Keep questions of the package ``name`` answered: ``{question: {type, value}}``.

    Example:
        - debconf.set: {name: tzdata, data: {tzdata/Areas: {type: select, value: Europe}}}
    """

    data: dict[str, Written]

    def answers(self, host: Host) -> list[Answer]:
        """Return what is wanted. Raises BadArgument."""
        return [_answer(self.name, question, one.type, one.value) for question, one in self.data.items()]


class SetFile(_Answers, frozen=True, kw_only=True):
    """Keep questions answered as the file ``source`` has it: lines of ``package question type value``.

    Example:
        - debconf.set_file: {name: answers, source: 'salt://app/answers', template: jinja}
    """

    source: str
    template: str | None = None
    context: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None

    def answers(self, host: Host) -> list[Answer]:
        """Return what is wanted. Raises BadArgument, NotFound."""
        return _rendered(host, self.source, self.template, self.context, self.defaults)


def _answer(package: str, question: str, kind: str, value: str | int | float | bool | None) -> Answer:
    """Return an answer. Raises BadArgument for what would be another line, or another question."""
    text = "" if value is None else str(value).lower() if kind == "boolean" else str(value)
    if not _QUESTION.fullmatch(question) or not _QUESTION.fullmatch(checked(package)):
        raise BadArgument(
            f"{package!r} {question!r} is no package and question", hint="debconf.show lists them"
        )
    if kind not in _KINDS:
        raise BadArgument(f"type = {kind!r} is none of debconf's", hint=", ".join(_KINDS))
    if any(sign in text for sign in "\n\r\0") or text.endswith("\\") or text != text.strip():
        raise BadArgument(f"{question}: an answer is one line, without spaces around it")
    return Answer(package, question, kind, text)


def _current(host: Host, wanted: list[Answer]) -> list[str | None]:
    """Return the answers as they are; None where a question is not known, or is of another type."""
    if not wanted:
        return []
    asked = "".join(f"get {one.question}\nmetaget {one.question} type\n" for one in wanted)
    done = Tool(argv=("debconf-communicate", "debconf")).ends(host, stdin=asked.encode())
    said = [line.partition(" ") for line in done.stdout.decode(errors="replace").splitlines()]
    if len(said) != 2 * len(wanted):
        raise Tool(argv=("debconf-communicate",)).failure(done)
    values, kinds = said[::2], said[1::2]
    return [
        value if code == "0" and kind == one.type else None
        for one, (code, _, value), (_, _, kind) in zip(wanted, values, kinds, strict=True)
    ]


def _fetched(host: Host, path: str) -> bytes:
    data = origin.fetched(host, path)
    if data is None:
        raise NotFound(f"{path} is not there")
    return data


def _rendered(
    host: Host,
    path: str,
    template: str | None,
    context: dict[str, Any] | None,
    defaults: dict[str, Any] | None,
) -> list[Answer]:
    data = _fetched(host, path)
    return _listed(place.rendered(host, data, template, path, defaults, context) if template else data)


def _listed(data: bytes) -> list[Answer]:
    """Return the answers that a text lists; lines that begin with # are remarks. Raises BadArgument."""
    found = []
    for line in data.decode(errors="replace").replace("\\\n", "").splitlines():
        words = line.strip().split(None, 3)
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 3:
            raise BadArgument(f"{line!r} is no answer", hint="write: package question type value")
        package, question, kind, value = [*words, ""][:4]
        found.append(_answer(package, question, kind, value))
    return found
