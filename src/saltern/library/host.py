"""Names and addresses kept in /etc/hosts, or kept out of it."""

from __future__ import annotations

from saltern.library import _hostsfile as hosts
from saltern.library._hostsfile import Line
from saltern.sdk import BadArgument, Changes, Host, Moment, State

Addresses = str | list[str]


class Present(State, frozen=True, kw_only=True):
    """Keep a name at an address, or at several.

    ``comment`` ends the addresses' lines; ``clean`` takes the name from all other addresses.

    Example:
        - host.present: {name: db.example.com, ip: 10.0.0.5, comment: the database, clean: true}
    """

    ip: Addresses
    comment: str = ""
    clean: bool = False

    def check(self, host: Host) -> Changes:
        """Return ``{added, removed, comment_added, comment_changed}``, each with lists by address."""
        lines = hosts.read(host)
        wanted = [hosts.checked_ip(one) for one in _listed(self.ip)]
        missing = [ip for ip in wanted if self.name not in hosts.names_of(lines, ip)]
        old = {ip: _comment(lines, ip) for ip in wanted} if self.comment else {}
        other = {ip: found for ip, found in old.items() if found != self.comment}
        changes = {
            "added": {ip: [self.name] for ip in missing},
            "comment_added": {ip: [self.comment] for ip, found in other.items() if not found},
            "comment_changed": {
                ip: {"old": found, "new": self.comment} for ip, found in other.items() if found
            },
            "removed": {ip: [self.name] for ip in self._elsewhere(lines, wanted)},
        }
        return Changes({key: value for key, value in changes.items() if value})

    def apply(self, host: Host, changes: Changes) -> None:
        """Write it, in one step."""
        lines = hosts.read(host)
        for ip in changes.get("added", ()):
            lines = hosts.with_pair(lines, ip, self.name)
        for ip in (*changes.get("comment_added", ()), *changes.get("comment_changed", ())):
            lines = hosts.with_comment(lines, ip, self.comment)
        for ip in changes.get("removed", ()):
            lines = hosts.without_pair(lines, ip, self.name)
        hosts.write(host, lines)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words, a line for each address."""
        if moment is Moment.CORRECT:
            return "\n".join(f"Host {self.name} ({ip}) already present" for ip in _listed(self.ip))
        would = moment is Moment.WOULD
        said = []
        for ip in changes.get("added", ()):
            said.append(
                f"Host {self.name} ({ip}) would be added" if would else f"Added host {self.name} ({ip})"
            )
        for ip in (*changes.get("comment_added", ()), *changes.get("comment_changed", ())):
            said.append(
                f"Comment for {ip} ({self.comment}) would be added"
                if would
                else f"Set comment for host {ip} ({self.comment})"
            )
        for ip in changes.get("removed", ()):
            said.append(
                f"Host {self.name} ({ip}) would be removed" if would else f"Removed host {self.name} ({ip})"
            )
        return "\n".join(said)

    def _elsewhere(self, lines: list[Line], wanted: list[str]) -> list[str]:
        if not self.clean:
            return []
        there = [line.ip for line in lines if self.name in line.names and line.ip not in wanted]
        return list(dict.fromkeys(there))


class Absent(State, frozen=True, kw_only=True):
    """Keep a name away from an address, or from several; other names of theirs stay.

    Example:
        - host.absent: {name: old.example.com, ip: 10.0.0.6}
    """

    ip: Addresses

    def check(self, host: Host) -> Changes:
        """Return that the name has to go."""
        lines = hosts.read(host)
        there = [ip for ip in _listed(self.ip) if self.name in hosts.names_of(lines, hosts.checked_ip(ip))]
        return Changes({"host": self.name} if there else {}, mend=there)

    def apply(self, host: Host, changes: Changes) -> None:
        """Write it, in one step."""
        lines = hosts.read(host)
        for ip in changes.mend:
            lines = hosts.without_pair(lines, ip, self.name)
        hosts.write(host, lines)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words, a line for each address."""
        return "\n".join(self._of(ip, ip in (changes.mend or ()), moment) for ip in _listed(self.ip))

    def _of(self, ip: str, there: bool, moment: Moment) -> str:
        if not there:
            return f"Host {self.name} ({ip}) already absent"
        if moment is Moment.WOULD:
            return f"Host {self.name} ({ip}) needs to be removed"
        return f"Removed host {self.name} ({ip})"


class Only(State, frozen=True, kw_only=True):
    """Keep an address with exactly these names; ``name`` is the address.

    Example:
        - host.only: {name: 127.0.1.1, hostnames: [web1.example.com, web1]}
    """

    hostnames: list[str] | str

    def check(self, host: Host) -> Changes:
        """Return the names before and after."""
        old = " ".join(hosts.names_of(hosts.read(host), hosts.checked_ip(self.name)))
        new = " ".join(self._names())
        return Changes({} if old == new else {self.name: {"old": old, "new": new}})

    def apply(self, host: Host, changes: Changes) -> None:
        """Write it."""
        hosts.write(host, hosts.with_names(hosts.read(host), self.name, self._names()))

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        if moment is Moment.CORRECT:
            return f'IP address {self.name} already set to "{" ".join(self._names())}"'
        one = changes[self.name]
        verb = "Would change" if moment is Moment.WOULD else "successfully changed"
        return f'{verb} {self.name} from "{one["old"]}" to "{one["new"]}"'

    def _names(self) -> list[str]:
        names = [self.hostnames] if isinstance(self.hostnames, str) else self.hostnames
        if not names:
            raise BadArgument("hostnames is empty", hint="host.absent removes names")
        return names


def _listed(given: Addresses) -> list[str]:
    return [given] if isinstance(given, str) else given


def _comment(lines: list[Line], ip: str) -> str:
    return next((line.comment for line in lines if line.ip == ip), "")
