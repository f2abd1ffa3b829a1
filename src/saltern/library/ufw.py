"""ufw, the uncomplicated firewall: on or off, its defaults, and its rules."""

from __future__ import annotations

import re
import shlex
from typing import Any, Literal

from saltern.library._firewall import checked, demanded, word
from saltern.sdk import BadArgument, Changes, Host, Moment, State

REQUIRES = ("ufw",)

Policy = Literal["allow", "deny", "reject"]
Direction = Literal["incoming", "outgoing", "routed"]

_ADDED = "ufw "
_ACTIONS = ("allow", "deny", "reject", "limit")
_DEFAULT = re.compile(r"(\w+) \((\w+)\)")


def version(host: Host) -> str:
    """Return the program's version.

    Example:
        saltern run '*' ufw.version
    """
    return demanded(host, "ufw", "--version").split()[1]


def is_enabled(host: Host) -> bool:
    """Tell whether the firewall is on.

    Example:
        saltern run '*' ufw.is_enabled
    """
    return demanded(host, "ufw", "status").splitlines()[0] == "Status: active"


def enable(host: Host) -> bool:
    """Switch the firewall on, now and at every start. Raises CommandFailed.

    Example:
        saltern run '*' ufw.enable
    """
    demanded(host, "ufw", "--force", "enable")
    return True


def disable(host: Host) -> bool:
    """Switch the firewall off, now and at every start. Raises CommandFailed.

    Example:
        saltern run '*' ufw.disable
    """
    demanded(host, "ufw", "--force", "disable")
    return True


def list_rules(host: Host) -> list[str]:
    """Return the rules as one would add them: ``allow 22/tcp``.

    Example:
        saltern run '*' ufw.list_rules
    """
    lines = demanded(host, "ufw", "show", "added").splitlines()
    return [line.removeprefix(_ADDED) for line in lines if line.startswith(_ADDED)]


def add_rule(host: Host, rule: str) -> bool:
    """Add a rule, written as on ufw's command line. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' ufw.add_rule 'allow from 192.0.2.0/24 to any port 22 proto tcp'
    """
    demanded(host, "ufw", *_words(rule))
    return True


def delete_rule(host: Host, rule: str) -> bool:
    """Remove a rule, written as on ufw's command line. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' ufw.delete_rule 'allow 22/tcp'
    """
    demanded(host, "ufw", "--force", "delete", *_words(rule))
    return True


def get_defaults(host: Host) -> dict[str, str]:
    """Return what becomes of packets that no rule decides on: ``{incoming, outgoing, routed}``.

    Example:
        saltern run '*' ufw.get_defaults
    """
    settings = dict(
        line.split("=", 1) for line in host.text("/etc/default/ufw").splitlines() if line[:1].isalpha()
    )
    return {
        direction: _POLICIES.get(settings.get(f"DEFAULT_{chain}_POLICY", "").strip("\"'"), "")
        for direction, chain in _CHAINS.items()
    }


_CHAINS = {"incoming": "INPUT", "outgoing": "OUTPUT", "routed": "FORWARD"}
_POLICIES = {"ACCEPT": "allow", "DROP": "deny", "REJECT": "reject"}


def set_default(host: Host, policy: Policy, direction: Direction = "incoming") -> bool:
    """Set what becomes of packets that no rule decides on. Raises CommandFailed.

    Example:
        saltern run '*' ufw.set_default deny incoming
    """
    demanded(host, "ufw", "default", policy, direction)
    return True


class Enabled(State, frozen=True, kw_only=True):
    """Keep the firewall on. Have the rule that lets you in before it: ``require`` that.

    Example:
        - ufw.enabled: {name: firewall}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is off."""
        return Changes({} if is_enabled(host) else {"enabled": {"old": False, "new": True}})

    def apply(self, host: Host, changes: Changes) -> None:
        """Switch it on. Raises CommandFailed."""
        enable(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the comment."""
        return _ABOUT_SWITCH[moment].format("enabled")


class Disabled(State, frozen=True, kw_only=True):
    """Keep the firewall off.

    Example:
        - ufw.disabled: {name: firewall}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is on."""
        return Changes({"enabled": {"old": True, "new": False}} if is_enabled(host) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Switch it off. Raises CommandFailed."""
        disable(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the comment."""
        return _ABOUT_SWITCH[moment].format("disabled")


_ABOUT_SWITCH = {
    Moment.CORRECT: "The firewall is already {}",
    Moment.WOULD: "The firewall would be {}",
    Moment.DONE: "The firewall was {}",
}


class DefaultPolicy(State, frozen=True, kw_only=True):
    """Keep what becomes of packets that no rule decides on.

    Example:
        - ufw.default_policy: {name: closed, incoming: deny, outgoing: allow}
    """

    incoming: Policy | None = None
    outgoing: Policy | None = None
    routed: Policy | None = None

    def check(self, host: Host) -> Changes:
        """Return which directions are otherwise."""
        wanted: dict[str, Any] = {one: getattr(self, one) for one in _CHAINS if getattr(self, one)}
        return Changes.between(get_defaults(host), wanted)

    def apply(self, host: Host, changes: Changes) -> None:
        """Set them. Raises CommandFailed."""
        for direction, both in changes.items():
            demanded(host, "ufw", "default", both["new"], direction)


class _Ruled(State, frozen=True, kw_only=True):
    """What the states of rules share: the rule's parts."""

    action: Literal["allow", "deny", "reject", "limit"] = "allow"
    port: str | int | None = None
    proto: str | None = None
    from_addr: str | None = None
    from_port: str | int | None = None
    to_addr: str | None = None
    direction: Literal["in", "out"] | None = None
    interface: str | None = None
    app: str | None = None
    comment: str | None = None

    def rule(self) -> list[str]:
        """Return the rule's words, without its comment. Raises BadArgument."""
        if self.app is not None:
            return [self.action, word(self.app, "app")]
        ends = [*self._end("from", self.from_addr, self.from_port), *self._end("to", self.to_addr, self.port)]
        if not ends and self.interface is None:
            raise BadArgument(f"{self.name}: nothing is said of the rule", hint="port: 22")
        simple = (
            self.port is not None and ends == ["to", "any", "port", str(self.port)] and not self.interface
        )
        if simple and self.direction in (None, "in"):
            return [self.action, f"{self.port}/{self.proto}" if self.proto else str(self.port)]
        where = [] if self.interface is None else ["on", checked(self.interface, "interface")]
        way = [self.direction or "in"] if where or self.direction == "out" else []
        return [
            self.action,
            *way,
            *where,
            *ends,
            *(["proto", checked(self.proto, "protocol")] if self.proto else []),
        ]

    def _end(self, which: str, address: str | None, port: str | int | None) -> list[str]:
        if address is None and port is None:
            return []
        at = [] if port is None else ["port", word(port, "port")]
        return [which, word(address or "any", which), *at]

    def there(self, host: Host) -> tuple[str, ...] | None:
        """Return the rule as ufw shows it, if it is there."""
        wanted = _likeness(self.rule())
        for line in list_rules(host):
            words = shlex.split(line)
            if _likeness(_without_comment(words)) == wanted:
                return tuple(words)
        return None


class Rule(_Ruled, frozen=True, kw_only=True):
    """Keep a rule: ``action`` (``allow``) what comes to ``port`` from ``from_addr``.

    Example:
        - ufw.rule: {name: the web, port: 443, proto: tcp, from_addr: 192.0.2.0/24, comment: the web}
    """

    def check(self, host: Host) -> Changes:
        """Return that it isn't there, or has another comment. Raises BadArgument."""
        there = self.there(host)
        if there is not None and (self.comment is None or there[-2:] == ("comment", self.comment)):
            return Changes()
        return Changes({"rule": {"old": shlex.join(there or ()), "new": self._shown()}})

    def apply(self, host: Host, changes: Changes) -> None:
        """Add it. Raises CommandFailed."""
        comment = [] if self.comment is None else ["comment", word(self.comment, "comment")]
        demanded(host, "ufw", *self.rule(), *comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the comment."""
        return {
            Moment.CORRECT: f"The rule is already there: {self._shown()}",
            Moment.WOULD: f"The rule would be added: {self._shown()}",
            Moment.DONE: f"The rule was added: {self._shown()}",
        }[moment]

    def _shown(self) -> str:
        return shlex.join([*self.rule(), *([] if self.comment is None else ["comment", self.comment])])


class NoRule(_Ruled, frozen=True, kw_only=True):
    """See that there is no such rule, whatever its comment.

    Example:
        - ufw.no_rule: {name: telnet, port: 23, proto: tcp}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is there. Raises BadArgument."""
        there = self.there(host)
        return Changes({"rule": {"old": shlex.join(there), "new": ""}} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        demanded(host, "ufw", "--force", "delete", *self.rule())

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return the comment."""
        rule = shlex.join(self.rule())
        return {
            Moment.CORRECT: f"There is no such rule: {rule}",
            Moment.WOULD: f"The rule would be removed: {rule}",
            Moment.DONE: f"The rule was removed: {rule}",
        }[moment]


def _words(rule: str) -> list[str]:
    words = shlex.split(word(rule, "rule"))
    if not words or words[0] not in _ACTIONS:
        raise BadArgument(f"{rule!r} is no rule of ufw", hint=f"it begins with {', '.join(_ACTIONS)}")
    return words


def _without_comment(words: list[str]) -> list[str]:
    return words[: words.index("comment")] if "comment" in words else words


def _likeness(words: list[str]) -> tuple[str, ...]:
    """Return a rule in a form that doesn't depend on which of ufw's ways it is written in."""
    plain = [one for one in words if one != "in"] if "on" not in words else words
    text = f"{' '.join(plain)} ".replace(" to any ", " ").replace(" from any ", " ")
    bare = re.fullmatch(r"(\w+) port (\S+) (?:proto (\w+) )?", text)
    if bare:
        text = f"{bare[1]} {bare[2]}{f'/{bare[3]}' if bare[3] else ''} "
    return tuple(text.split())
