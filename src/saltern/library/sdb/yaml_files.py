"""Values in YAML files, laid upon each other in their order; a key is a path with colons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library.sdb.drivers import ReadOnly
from saltern.sdk import Host, SettingsError
from saltern.sdk.merge import over
from saltern.sdk.traverse import traverse


class YamlFiles(ReadOnly):
    """Profile: ``files``, a list, and ``merge: {merge_lists: true}``."""

    def get(self, host: Host, key: str, profile: Mapping[str, Any]) -> Any:
        """Return the value at a path; None where there is none. Raises SettingsError."""
        lists = bool((profile.get("merge") or {}).get("merge_lists", False))
        data: dict[str, Any] = {}
        for path in profile.get("files") or ():
            data = over(data, _read(host, path), lists=lists)
        return traverse(data, key)


def _read(host: Host, path: str) -> Mapping[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(host.text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise SettingsError("this file of an sdb profile is no YAML", where=where) from None
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise SettingsError("this file of an sdb profile holds no mapping", where=path)
    return found
