"""The functions of ``ini``."""

from __future__ import annotations

from typing import Any

from saltern.library.ini.document import differences, given, option_name, section_name, shown
from saltern.library.ini.document import read as _read
from saltern.library.ini.document import save as _save
from saltern.sdk import Host


def get_ini(host: Host, file_name: str, separator: str = "=", encoding: str | None = None) -> dict[str, Any]:
    """Return a file: options outside of sections as they are, sections as ``{option: value}``.

    Example:
        saltern run '*' ini.get_ini /etc/app.ini
    """
    document = _read(host, file_name, separator, encoding)
    return {**document.options(""), **{name: document.options(name) for name in document.sections()}}


def get_section(
    host: Host, file_name: str, section: str, separator: str = "=", encoding: str | None = None
) -> dict[str, str]:
    """Return a section's options; nothing when there is no such section.

    Example:
        saltern run '*' ini.get_section /etc/app.ini database
    """
    return _read(host, file_name, separator, encoding).options(section)


def get_option(
    host: Host, file_name: str, section: str, option: str, separator: str = "=", encoding: str | None = None
) -> str | None:
    """Return an option's value; null when it is not set.

    Example:
        saltern run '*' ini.get_option /etc/app.ini database port
    """
    return _read(host, file_name, separator, encoding).options(section).get(option)


def set_option(
    host: Host,
    file_name: str,
    sections: dict[str, Any],
    separator: str = "=",
    encoding: str | None = None,
    no_spaces: bool = False,
) -> dict[str, Any]:
    """Set options, ``{section: {option: value}}``; return ``{section: {option: {before, after}}}``.

    With ``no_spaces`` nothing stands around the separator. Raises BadArgument.

    Example:
        saltern run '*' ini.set_option /etc/app.ini '{database: {port: 5432}}'
    """
    document, wanted = _read(host, file_name, separator, encoding), given(sections, separator)
    changes = differences(document, wanted)
    for section, options in wanted.items():
        document.add_section(section)
        for name in changes.get(section, {}):
            document.set_option(section, name, options[name], tight=no_spaces)
    if changes:
        _save(host, file_name, document, encoding)
    return shown(changes)


def remove_option(
    host: Host, file_name: str, section: str, option: str, separator: str = "=", encoding: str | None = None
) -> str | None:
    """Remove an option; return the value it had, null when it was not set.

    Example:
        saltern run '*' ini.remove_option /etc/app.ini database port
    """
    document = _read(host, file_name, separator, encoding)
    old = document.options(section).get(option_name(option, separator))
    if old is not None:
        document.remove_option(section, option)
        _save(host, file_name, document, encoding)
    return old


def remove_section(
    host: Host, file_name: str, section: str, separator: str = "=", encoding: str | None = None
) -> dict[str, str]:
    """Remove a section; return the options it had.

    Example:
        saltern run '*' ini.remove_section /etc/app.ini database
    """
    document = _read(host, file_name, separator, encoding)
    old = document.options(section)
    if section and document.has(section_name(section)):
        document.remove_section(section)
        _save(host, file_name, document, encoding)
    return old
