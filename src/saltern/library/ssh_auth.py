"""Keys that may come in to an account by ssh."""

from __future__ import annotations

from collections.abc import Mapping

from saltern.library.ssh import files
from saltern.library.ssh.authorized import Key, key, settled, without
from saltern.sdk import Changes, Done, Host, Moment, NotFound, State


class _Keys(State, frozen=True, kw_only=True):
    """What the states of ``ssh_auth`` have in common."""

    user: str
    enc: str = "ssh-rsa"
    comment: str = ""
    source: str = ""
    options: list[str] | None = None
    config: str = files.AUTHORIZED
    fingerprint_hash_type: str | None = None

    def _meant(self, host: Host) -> list[Key]:
        """Return the keys that are meant: those of the source, else the name itself. Raises NotFound."""
        if not self.source:
            return [key(self.name, self.comment, self.options or ())]
        found = files.keys_in(host, self.source)
        if not found:
            raise NotFound(f"{self.source}: there is no key in it")
        return found

    def _text(self, host: Host) -> str:
        """Return the account's keys; none where the account is still to be made."""
        return files.text(host, self.user, self.config) if files.is_account(host, self.user) else ""


class Present(_Keys, frozen=True, kw_only=True):
    """Let a key come in to an account.

    ``name`` is the key's digits, with ``comment`` and ``options``, or a whole line as in a ``.pub`` file; or
    ``source`` is a file with keys. What kind it is, is read from the key itself: ``enc`` is not needed.
    ``config`` says where, with ``%u`` for the account's name and ``%h`` for its home.

    Example:
        - ssh_auth.present:
            name: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann
            user: root
    """

    def check(self, host: Host) -> Changes:
        """Return which keys have to be added or brought up to date."""
        _, became = settled(self._text(host), self._meant(host))
        return Changes(became, comment=self._would(became))

    def apply(self, host: Host, changes: Changes) -> Done:
        """Write them. Raises NotFound, CommandFailed."""
        files.existing(host, self.user)
        became = files.settle(host, self.user, self.config, self._meant(host))
        how = "added" if "New" in became.values() else "updated"
        comment = f"The authorized host key {self.name} for user {self.user} was {how}"
        return Done(changes=became, comment=comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"The authorized host key {self.name} is already present for user {self.user}"

    def _would(self, became: Mapping[str, str]) -> str:
        how = "added" if "New" in became.values() else "updated"
        return f"Key {self.name} for user {self.user} is set to be {how}" if became else ""


class Absent(_Keys, frozen=True, kw_only=True):
    """Keep a key out of an account; as ``ssh_auth.present`` names it.

    Example:
        - ssh_auth.absent:
            name: AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
            user: root
    """

    def check(self, host: Host) -> Changes:
        """Return which keys have to go."""
        _, gone = without(self._text(host), [one.digits for one in self._meant(host)])
        return Changes(dict.fromkeys(gone, "Removed"))

    def apply(self, host: Host, changes: Changes) -> None:
        """Take them out. Raises CommandFailed."""
        files.take_out(host, self.user, self.config, list(changes))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: "Key not present",
            Moment.WOULD: f"Key {self.name} for user {self.user} is set for removal",
            Moment.DONE: "Key removed",
        }[moment]


class Manage(_Keys, frozen=True, kw_only=True):
    """Let exactly these keys come in to an account; all others go.

    Example:
        - ssh_auth.manage:
            name: who may be root
            user: root
            ssh_keys: [AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl]
    """

    ssh_keys: list[str] | None = None

    def check(self, host: Host) -> Changes:
        """Return which keys have to be added, brought up to date, or taken out."""
        _, became = settled(self._text(host), self._meant(host), alone=True)
        return Changes(became)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write them. Raises NotFound, CommandFailed."""
        files.existing(host, self.user)
        files.settle(host, self.user, self.config, self._meant(host), alone=True)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return what there is to say."""
        return {
            Moment.CORRECT: f"The keys of user {self.user} are in the correct state",
            Moment.WOULD: f"The keys of user {self.user} are set to be changed",
            Moment.DONE: f"The keys of user {self.user} were updated",
        }[moment]

    def _meant(self, host: Host) -> list[Key]:
        found = [key(one, self.comment, self.options or ()) for one in self.ssh_keys or ()]
        return found + (files.keys_in(host, self.source) if self.source else [])
