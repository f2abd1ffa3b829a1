"""Grains that an administrator wrote into a file."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host, SettingsError


def from_file(host: Host) -> dict[str, Any]:
    """Return the content of the file ``grains`` beside the settings; nothing when there is none.

    Raises SettingsError that names file and line when it is no YAML mapping with text keys.
    """
    path = f"{host.settings}/grains"
    text = host.text(path, "")
    return parse(text, path) if text else {}


def parse(text: str, path: str) -> dict[str, Any]:
    """Return the grains in ``text``; ``path`` is for errors. Raises SettingsError."""
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise SettingsError(f"not valid YAML: {getattr(error, 'problem', error)}", where=where) from None
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise SettingsError("not a mapping of names to values", where=path, hint="write lines of NAME: value")
    return found
