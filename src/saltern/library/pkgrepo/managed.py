"""The state ``pkgrepo.managed``."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.library.pkg.providers import manager as manager_of
from saltern.library.pkg.repositories import aptlists, ini, keys
from saltern.library.pkg.repositories.entry import Entry, required
from saltern.library.pkg.repositories.ppa import entry_of, key_of
from saltern.library.pkgrepo.file import File
from saltern.library.pkgrepo.repository import Repository
from saltern.sdk import BadArgument, Changes, Host, Moment, NotSupported

_TRUSTED = "/etc/apt/trusted.gpg.d"
#: Options of RPM repositories that stand in the file under the name they are given by.
_PLAIN = (
    "baseurl",
    "mirrorlist",
    "metalink",
    "gpgkey",
    "proxy",
    "username",
    "password",
    "priority",
    "cost",
    "exclude",
    "includepkgs",
    "metadata_expire",
    "sslcacert",
    "sslclientcert",
    "sslclientkey",
    "type",
    "failovermethod",
    "path",
)
_SWITCHES = (
    "gpgcheck",
    "repo_gpgcheck",
    "sslverify",
    "skip_if_unavailable",
    "module_hotfixes",
    "autorefresh",
    "keepcache",
    "keeppackages",
)


class Managed(Repository, frozen=True, kw_only=True):
    """See that a repository is known to the package manager, with its key.

    For apt ``name`` is a line of ``sources.list``, or ``ppa:user/name``; a ``file`` that ends in ``.sources``
    is written in stanzas. For dnf, yum and zypper it is the repository's id. The key comes from ``key_url``,
    ``key_text`` or a keyserver, and lies where ``signed-by`` says. Lists are fetched when something changed.

    Example:
        - pkgrepo.managed:
            name: deb [signed-by=/usr/share/keyrings/x.gpg] https://example.com/debian bookworm main
            file: /etc/apt/sources.list.d/x.list
            key_url: https://example.com/key.asc
            aptkey: false
    """

    def check(self, host: Host) -> Changes:
        """Return what differs in the list, and what keys are missing. Raises BadArgument, NotSupported."""
        kind = manager_of(host).name
        shown, file = self._apt(host) if kind == "apt" else self._rpm(host, kind)
        missing = self._missing_keys(host) if kind == "apt" else []
        if missing:
            shown = {**shown, "keys": {"old": "", "new": ", ".join(missing)}}
        return Changes(shown, mend=file, comment=_WOULD.format(self.name)) if shown else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Lay the key down, write the file, and fetch the lists."""
        file: File = changes.mend
        for path in changes.get("keys", {}).get("new", "").split(", "):
            if path:
                self._lay_key(host, path)
        if file is not None and file.text is not None:
            host.make_directory(posixpath.dirname(file.path))
            host.write(file.path, file.text.encode(), None if host.exists(file.path) else 0o644)
        if self.refresh and self.refresh_db and not self._off:
            manager_of(host).refresh()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.CORRECT:
            return f"Package repo '{self.name}' already configured"
        return f"Configured package repo '{self.name}'"

    @property
    def _off(self) -> bool:
        return self.enabled is False if self.disabled is None else self.disabled

    # --- apt ----------------------------------------------------------------------------------------

    @property
    def _archive(self) -> str:
        """The PPA's name, "" when it is none."""
        return self.ppa or (self.name if self.name.startswith("ppa:") else "")

    def _entry(self, host: Host) -> Entry:
        found = entry_of(host, self._archive) if self._archive else required(self.name)
        components = _words(self.comps) or found.components
        architectures = ",".join(_words(self.architectures)) or found.option("arch")
        comments = [self.comments] if isinstance(self.comments, str) else self.comments or []
        return msgspec.structs.replace(
            found,
            suite=self.dist or found.suite,
            components=tuple(components),
            disabled=self._off,
            comment=" ".join(comments) or found.comment,
        ).with_options(arch=architectures, signed_by=self.signedby)

    def _apt(self, host: Host) -> tuple[Mapping[str, Any], File | None]:
        wanted = self._entry(host)
        found = aptlists.find(host, wanted)
        path = found[0] if found is not None else self.file or aptlists.MAIN
        text = host.text(path, "")
        if self.clean_file and self.file:
            path, text = self.file, ""
            alone = host.text(path, "") == aptlists.with_entry(path, "", wanted)
            found = found if alone else None
        if found is None:
            return {"repo": wanted.line}, File(path, aptlists.with_entry(path, text, wanted))
        now, want = aptlists.described(found[1]), aptlists.described(wanted)
        differing = Changes.between(now=now, want=want)
        if not differing:
            return {}, None
        return dict(differing), File(path, aptlists.with_entry(path, text, wanted))

    def _key_paths(self, host: Host) -> list[str]:
        """Return where the keys are to lie; none where no key is given."""
        if not (self.key_url or self.key_text or self.keyid is not None):
            return [f"{_TRUSTED}/{_slug(self._archive)}.asc"] if self._archive else []
        signed_by = self.signedby or self._entry(host).option("signed-by")
        if signed_by.startswith("/"):
            return [signed_by]
        if not self.aptkey:
            raise BadArgument(
                "the key has no place", hint="with aptkey: False say signed-by=/path in the line"
            )
        if self.key_text or self.keyid is not None:
            return [
                f"{_TRUSTED}/{'-'.join(_slug(str(one)) for one in _many(self.keyid)) or _slug(self.name)}.asc"
            ]
        return [
            f"{_TRUSTED}/{_slug(posixpath.basename(url.partition('?')[0]))}.asc"
            for url in _many(self.key_url)
        ]

    def _missing_keys(self, host: Host) -> list[str]:
        return [path for path in self._key_paths(host) if not self._key_is_there(host, path)]

    def _key_is_there(self, host: Host, path: str) -> bool:
        if not host.exists(path):
            return False
        return not self.key_text or host.read(path) == keys.fitting(path, self.key_text.encode())

    def _lay_key(self, host: Host, path: str) -> None:
        urls = [str(one) for one in _many(self.key_url)]
        if self.key_text:
            parts = [self.key_text.encode()]
        elif self._archive and not urls and self.keyid is None:
            parts = [key_of(host, self._archive)]
        elif self.keyid is not None:
            parts = [keys.from_keyserver(host, str(one), self.keyserver) for one in _many(self.keyid)]
        elif path.startswith(f"{_TRUSTED}/"):
            place = self._key_paths(host).index(path)
            parts = [keys.fetch(host, urls[place])]
        else:
            parts = [keys.fetch(host, url) for url in urls]
        host.make_directory(posixpath.dirname(path))
        host.write(path, keys.fitting(path, keys.together(parts)), 0o644)

    # --- dnf, yum, zypper --------------------------------------------------------------------------------

    def _rpm(self, host: Host, kind: str) -> tuple[Mapping[str, Any], File | None]:
        if self.copr:
            raise NotSupported("copr is not served", hint="give baseurl and gpgkey of the copr repository")
        folder = ini.ZYPP if kind == "zypper" else ini.YUM
        name = posixpath.basename(self.name)
        there = next((one for one in ini.repositories(host, folder) if one[1] == name), None)
        path = there[0] if there else f"{folder}/{name}.repo"
        options = self._options(name)
        if there is None and not (self.baseurl or self.mirrorlist or self.metalink):
            raise BadArgument(f"{name}: no address", hint="give one of baseurl, mirrorlist and metalink")
        now = dict(there[2]) if there else {}
        if all(now.get(option) == value for option, value in options.items()):
            return {}, None
        comments = [self.comments] if isinstance(self.comments, str) else self.comments or []
        text = ini.with_section(host.text(path, ""), name, now | options, comments)
        shown: Mapping[str, Any] = {"repo": name}
        if there:
            shown = dict(Changes.between(now={one: now.get(one, "") for one in options}, want=options))
        return _masked(shown), File(path, text)

    def _options(self, name: str) -> dict[str, str]:
        """Return what stands in the file."""
        found = {"name": self.humanname or name, "enabled": "0" if self._off else "1"}
        for option in _PLAIN:
            value = getattr(self, option)
            if value != "":
                found[option] = str(value)
        for option in _SWITCHES:
            switch = getattr(self, option)
            if switch is not None:
                found[option] = str(int(switch))
        return found


_WOULD = (
    "Package repo '{}' would be configured. This may cause pkg states to behave differently than stated "
    "if this action is repeated without test=True, due to the differences in the configured repositories."
)


def _words(given: str | list[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return tuple(given.replace(",", " ").split() if isinstance(given, str) else given)


def _many(given: Any) -> list[Any]:
    if given is None or given == "":
        return []
    return list(given) if isinstance(given, list) else [given]


def _slug(text: str) -> str:
    """Return a name for a file, of what somebody else has named."""
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-.") else "-" for letter in text
    )
    return plain.strip("-.").removesuffix(".asc").removesuffix(".gpg")[-80:] or "key"


def _masked(shown: Mapping[str, Any]) -> dict[str, Any]:
    secret = {"old": "***", "new": "***"}
    return {name: secret if name == "password" else change for name, change in shown.items()}
