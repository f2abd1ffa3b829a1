"""Hosts whose keys an account, or everybody, believes."""

from __future__ import annotations

from typing import Any

from saltern.library import ssh
from saltern.library.ssh import files
from saltern.library.ssh.known import KnownHost, host_name
from saltern.sdk import Changes, Done, Host, Moment, State


class Present(State, frozen=True, kw_only=True):
    """Have an account know a host's key; without ``user`` everybody on this machine.

    The key is given (``key``, its kind is read from itself), or the host is asked for it and only one with
    ``fingerprint`` is taken; with neither, whatever the host says is believed, once. ``enc`` wants a kind of
    key, ``hash_known_hosts: false`` writes the name so that it can be read.

    Example:
        - ssh_known_hosts.present:
            name: git.example.com
            user: root
            key: AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
    """

    user: str | None = None
    fingerprint: str | None = None
    key: str | None = None
    port: int | None = None
    enc: str | None = None
    config: str | None = None
    hash_known_hosts: bool = True
    timeout: int = 5
    fingerprint_hash_type: str = "sha256"

    def check(self, host: Host) -> Changes:
        """Return that the host's key has to be added or replaced; the host is not asked yet."""
        if self.user is not None:
            files.existing(host, self.user)
        before = files.known(host, self.user, self.name, self.config, self.port)
        if any(self._is_wanted(one) for one in before):
            return Changes()
        old = [one.shown(self.fingerprint_hash_type) for one in before] or None
        how = "updated in" if before else "added to"
        would = f"Key for {self.name} is set to be {how} {self._place()}"
        return Changes({"old": old, "new": self._foreseen()}, comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Write it, having asked the host for it if need be. Raises Unavailable, Conflict, CommandFailed."""
        found = ssh.set_known_host(
            host,
            self.user,
            self.name,
            fingerprint=self.fingerprint,
            key=self.key,
            port=self.port,
            enc=self.enc,
            config=self.config,
            hash_known_hosts=self.hash_known_hosts,
            timeout=self.timeout,
            fingerprint_hash_type=self.fingerprint_hash_type,
        )
        told = {"old": found.get("old"), "new": found.get("new")}
        return Done(changes=told, comment=f"{self.name}'s key saved to {self._place()}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"{self.name} already exists in {self._place()}"

    def _is_wanted(self, one: KnownHost) -> bool:
        if self.key is not None:
            return one.digits == files.known_key(self.key, self.enc).digits
        if self.enc is not None and one.kind not in (self.enc, f"ssh-{self.enc}"):
            return False
        return self.fingerprint in (None, one.shown(self.fingerprint_hash_type)["fingerprint"])

    def _foreseen(self) -> Any:
        """Return what will be written, as far as it is known before the host is asked."""
        if self.key is None:
            return f"what {self.name} says of itself"
        made = files.known_key(self.key, self.enc)
        name = host_name(self.name, self.port)
        return [
            KnownHost(hostname=name, kind=made.kind, digits=made.digits).shown(self.fingerprint_hash_type)
        ]

    def _place(self) -> str:
        return files.place_of_known(self.user, self.config)


class Absent(State, frozen=True, kw_only=True):
    """Have an account, or everybody, not know a host.

    Example:
        - ssh_known_hosts.absent: {name: git.example.com, user: root}
    """

    user: str | None = None
    config: str | None = None
    port: int | None = None

    def check(self, host: Host) -> Changes:
        """Return what is known of it."""
        if self.user is not None:
            files.existing(host, self.user)
        found = files.known(host, self.user, self.name, self.config, self.port)
        return Changes({"old": [one.shown() for one in found], "new": None} if found else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Forget it. Raises CommandFailed."""
        ssh.rm_known_host(host, self.user, self.name, self.config, self.port)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        place = files.place_of_known(self.user, self.config)
        return {
            Moment.CORRECT: "Host is already absent",
            Moment.WOULD: f"Key for {self.name} is set to be removed from {place}",
            Moment.DONE: f"{place} updated.",
        }[moment]
