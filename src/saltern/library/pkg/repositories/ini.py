"""Repositories of RPM packages: sections of ``.repo`` files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from saltern.sdk import BadArgument, Host

YUM, ZYPP = "/etc/yum.repos.d", "/etc/zypp/repos.d"


def files(host: Host, folder: str) -> list[str]:
    """Return the paths of all ``.repo`` files."""
    inside = host.list_directory(folder) if host.exists(folder) else []
    return [f"{folder}/{name}" for name in inside if name.endswith(".repo")]


def sections(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of a file: ``{id: {option: value}}``; a value of several lines keeps them."""
    found: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("[") and line.rstrip().endswith("]"):
            section = found.setdefault(line.strip()[1:-1], {})
            name = ""
        elif not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        elif line[:1] in " \t" and name:
            section[name] += "\n" + line.strip()
        else:
            name, _, value = (part.strip() for part in line.partition("="))
            section[name] = value
    return found


def repositories(host: Host, folder: str) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Give path, id and options of every repository."""
    for path in files(host, folder):
        for name, options in sections(host.text(path)).items():
            yield path, name, options


def with_section(text: str, name: str, options: Mapping[str, str], comments: Sequence[str] = ()) -> str:
    """Return a file's text with one section as given; the others, and what is written around them, stay."""
    if any(letter in name for letter in "[]\n\r\0") or not name:
        raise BadArgument(f"{name!r} is no id of a repository")
    body = [f"[{name}]", *(f"# {one}" for one in comments)]
    for option, value in options.items():
        if "\n" in option or "\r" in value or "\0" in value:
            raise BadArgument(f"{option!r}: no value of a repository")
        body.append(f"{option}=" + "\n    ".join(value.splitlines()))
    before, _, after = _cut(text, name)
    parts = [before.rstrip("\n"), "\n".join(body), after.strip("\n")]
    return "\n\n".join(part for part in parts if part) + "\n"


def without_section(text: str, name: str) -> str:
    """Return a file's text without one section; "" when no section is left."""
    before, _, after = _cut(text, name)
    rest = "\n\n".join(part for part in (before.rstrip("\n"), after.strip("\n")) if part)
    return rest + "\n" if sections(rest) else ""


def _cut(text: str, name: str) -> tuple[str, str, str]:
    """Return what stands before a section, it, and what stands after it."""
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if line.strip() == f"[{name}]"), None)
    if start is None:
        return text, "", ""
    following = (number for number in range(start + 1, len(lines)) if lines[number].startswith("["))
    end = next(following, len(lines))
    return "".join(lines[:start]), "".join(lines[start:end]), "".join(lines[end:])
