"""``file.serialize``: a file that holds data, written as YAML, JSON, TOML and others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.library._formats import deserialized, serialized
from saltern.library.file import place
from saltern.library.file.managed import Managed
from saltern.sdk import BadArgument, Changes, Done, Host, Moment, State
from saltern.sdk.merge import over

Options = list[dict[str, Any]] | dict[str, Any] | None


class Serialize(State, frozen=True, kw_only=True):
    """Keep a file that holds data: ``dataset``, or what the pillar holds at ``dataset_pillar``.

    ``serializer`` is ``yaml``, ``json``, ``toml``, ``configparser``, ``plist`` or ``python``;
    ``serializer_opts`` are its options, such as ``indent``. With ``merge_if_exists`` the data is laid over
    what the file holds.

    Example:
        - file.serialize: {name: /etc/app.json, dataset: {port: 80}, serializer: json}
    """

    dataset: Any = None
    dataset_pillar: str | None = None
    user: place.Account = None
    group: place.Account = None
    mode: place.Mode = None
    backup: str | bool = ""
    makedirs: bool = False
    dir_mode: place.Mode = None
    show_changes: bool = True
    create: bool = True
    merge_if_exists: bool = False
    encoding: str | None = None
    encoding_errors: str = "strict"
    serializer: str | None = None
    formatter: str | None = None
    serializer_opts: Options = None
    deserializer_opts: Options = None
    check_cmd: str | list[str] | None = None
    tmp_dir: str | None = None
    tmp_ext: str = ""

    def check(self, host: Host) -> Changes:
        """Return a diff and what else differs. Raises BadArgument, NotFound, Conflict."""
        return self._file(host).check(host)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Write what ``check`` found."""
        return self._file(host).apply(host, changes)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return Managed(name=self.name, create=self.create).says(changes, moment)

    def _file(self, host: Host) -> Managed:
        shared = set(Managed.__struct_fields__) & set(self.__struct_fields__)
        return Managed(contents=self._text(host), **{name: getattr(self, name) for name in shared})

    def _text(self, host: Host) -> str:
        if self.serializer and self.formatter:
            raise BadArgument("serializer and formatter are the same; give one of them")
        name = (self.serializer or self.formatter or "yaml").lower()
        data = self._data(host)
        path = place.followed(host, place.absolute(self.name))
        if self.merge_if_exists and host.stat(path) is not None:
            held = deserialized(place.decoded(host.read(path)), name, _mapping(self.deserializer_opts))
            data = _merged(held, data)
        text = serialized(data, name, _mapping(self.serializer_opts))
        return text if text.endswith("\n") else f"{text}\n"

    def _data(self, host: Host) -> Any:
        if (self.dataset is None) == (self.dataset_pillar is None):
            raise BadArgument("give either dataset or dataset_pillar")
        if self.dataset_pillar is None:
            return self.dataset
        return place.looked_up(host.supply.pillar, self.dataset_pillar, ":", self.name)


def _merged(held: Any, data: Any) -> Any:
    if held is None:
        return data
    if not isinstance(held, Mapping) or not isinstance(data, Mapping):
        raise BadArgument("merge_if_exists: only mappings can be merged")
    return over(held, data)


def _mapping(options: Options) -> dict[str, Any]:
    if isinstance(options, list):
        return {name: value for one in options for name, value in one.items()}
    return options or {}
