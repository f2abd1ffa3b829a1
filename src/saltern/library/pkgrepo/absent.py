"""The state ``pkgrepo.absent``."""

from __future__ import annotations

from saltern.library.pkg.providers import manager as manager_of
from saltern.library.pkg.repositories import aptlists, ini
from saltern.library.pkg.repositories.entry import required
from saltern.library.pkg.repositories.ppa import entry_of
from saltern.library.pkgrepo.file import File
from saltern.library.pkgrepo.repository import Repository
from saltern.sdk import Changes, Host, Moment


class Absent(Repository, frozen=True, kw_only=True):
    """See that a repository is not known to the package manager. A file with nothing left in it is removed.

    It takes the arguments of ``pkgrepo.managed``; only those that say which one it is have a meaning.

    Example:
        - pkgrepo.absent: deb https://example.com/debian bookworm main
    """

    def check(self, host: Host) -> Changes:
        """Return the repository when it is there."""
        files = self._apt(host) if manager_of(host).name == "apt" else self._rpm(host)
        return Changes({"repo": self.name}, mend=files) if files else Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it out of the files, and fetch the lists."""
        files: list[File] = changes.mend
        for file in files:
            if file.text is None:
                host.remove(file.path)
            else:
                host.write(file.path, file.text.encode())
        if self.refresh:
            manager_of(host).refresh()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"Package repo {self.name} is absent",
            Moment.WOULD: f"Package repo '{self.name}' will be removed. This may cause pkg states to behave "
            "differently than stated if this action is repeated without test=True, due to the differences in "
            "the configured repositories.",
            Moment.DONE: f"Removed repo {self.name}",
        }[moment]

    def _apt(self, host: Host) -> list[File]:
        named = self.ppa or self.name
        wanted = entry_of(host, named) if named.startswith("ppa:") or self.ppa else required(self.name)
        found: list[File] = []
        for path in aptlists.files(host):
            text = host.text(path)
            if any(
                entry.place == wanted.place and not entry.disabled for entry in aptlists.parse(path, text)
            ):
                left = aptlists.without(path, text, wanted)
                found.append(File(path, None if not left and path != aptlists.MAIN else left))
        return found

    def _rpm(self, host: Host) -> list[File]:
        folder = ini.ZYPP if manager_of(host).name == "zypper" else ini.YUM
        return [
            File(path, ini.without_section(host.text(path), name) or None)
            for path, name, _ in ini.repositories(host, folder)
            if name == self.name
        ]
