"""Rules, chains and policies kept in the kernel, and saved for its next start."""

from __future__ import annotations

import shlex
from typing import Any, ClassVar, Literal, cast

import msgspec

from saltern.library import iptables
from saltern.library._firewall import checked
from saltern.library.iptables import tables
from saltern.library.iptables.rule import ABOUT, build
from saltern.library.iptables.tables import Chain, Family
from saltern.sdk import BadArgument, Changes, Host, Moment, State


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """What an SLS says of a rule beside the rule: where it is, and whether it is to be saved."""

    table: str = "filter"
    chain: str = ""
    family: Family = "ipv4"
    save: bool | str = False
    position: int | None = None
    policy: str = ""


class _Ruled(State, frozen=True, kw_only=True):
    """A state whose arguments are those of a rule, which iptables' extensions add to."""

    TAKES_ANYTHING: ClassVar[bool] = True

    given: dict[str, Any] = {}  # noqa: RUF012  msgspec copies it

    @property
    def about(self) -> _About:
        """What is said beside the rule. Raises BadArgument."""
        said = {name: value for name, value in self.given.items() if name in ABOUT}
        try:
            return msgspec.convert(said, _About, strict=False)
        except msgspec.ValidationError as error:
            raise BadArgument(f"{self.name}: {error}") from None

    def place(self) -> _About:
        """Return where the rule is. Raises BadArgument when its chain isn't named."""
        about = self.about
        if not about.chain:
            raise BadArgument(f"{self.name}: the chain is not named", hint="chain: INPUT")
        return about

    def rule(self) -> list[str]:
        """Return the rule's words. Raises BadArgument when nothing is said of it."""
        words = build(self.given)
        if not words:
            raise BadArgument(f"{self.name}: nothing is said of the rule", hint="jump: ACCEPT")
        return words

    def unsaved(self, host: Host) -> bool:
        """Tell whether the rule is to be saved and isn't."""
        at = self.about
        path = at.save if isinstance(at.save, str) else ""
        return bool(at.save) and not tables.is_saved(host, at.family, path, at.table, at.chain, self.rule())

    def save(self, host: Host) -> None:
        """Save all rules, if that is asked for."""
        at = self.about
        if at.save:
            tables.save(host, at.family, at.save if isinstance(at.save, str) else "")

    def shown(self) -> str:
        """Return the rule as people write it."""
        return shlex.join(self.rule())


class Append(_Ruled, frozen=True, kw_only=True):
    """Keep a rule in a chain; a new one is put at its end.

    ``table`` (``filter``), ``chain``, ``family`` (``ipv4``, ``ipv6``) say where; ``save: true`` also keeps it
    in the file that the platform reads at its start, or in the file named. All other arguments are the
    rule's: ``proto``, ``source``, ``dport``, ``dports``, ``match``, ``connstate``, ``if``, ``of``,
    ``comment``, ``jump`` and whatever else iptables takes; ``!`` before a value negates it.

    Example:
        - iptables.append: {name: ssh, chain: INPUT, proto: tcp, dport: 22, jump: ACCEPT, save: true}
    """

    def check(self, host: Host) -> Changes:
        """Return that it isn't there, or not saved. Raises BadArgument."""
        at = self.place()
        if not tables.is_there(host, at.family, at.table, at.chain, self.rule()):
            return Changes({"locale": self.name}, mend="rule")
        return Changes({"saved": self.name} if self.unsaved(host) else {}, mend="save")

    def apply(self, host: Host, changes: Changes) -> None:
        """Put it there, and save. Raises CommandFailed."""
        at = self.about
        if changes.mend == "rule":
            tables.run(host, at.family, at.table, *self._command(host), *self.rule())
        self.save(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        family, rule = self.about.family, self.shown()
        return {
            Moment.CORRECT: f"iptables rule for {self.name} already set ({rule}) for {family}",
            Moment.WOULD: f"iptables rule for {self.name} needs to be set ({rule}) for {family}",
            Moment.DONE: f"Set iptables rule for {self.name} to: {rule} for {family}",
        }[moment]

    def _command(self, host: Host) -> list[str]:
        return ["-A", self.about.chain]


class Insert(Append, frozen=True, kw_only=True):
    """Keep a rule in a chain; a new one is put at ``position`` (1 is the first, -1 the one before the last).

    The other arguments are those of ``iptables.append``.

    Example:
        - iptables.insert: {name: web, position: 1, chain: INPUT, proto: tcp, dports: [80, 443], jump: ACCEPT}
    """

    def check(self, host: Host) -> Changes:
        """Return that it isn't there, or not saved. Raises BadArgument."""
        if self.about.position in (None, 0):
            raise BadArgument(
                f"{self.name}: the position is not given", hint="position: 1, or iptables.append"
            )
        return super().check(host)

    def _command(self, host: Host) -> list[str]:
        at = self.about
        where = tables.place(host, at.family, at.table, at.chain, cast("int", at.position))
        return ["-I", at.chain, str(where)]


class Delete(_Ruled, frozen=True, kw_only=True):
    """See that a chain has no such rule; all of them go. The arguments are those of ``iptables.append``.

    Example:
        - iptables.delete: {name: telnet, chain: INPUT, proto: tcp, dport: 23, jump: ACCEPT}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is there. Raises BadArgument."""
        at = self.place()
        there = tables.is_there(host, at.family, at.table, at.chain, self.rule())
        return Changes({"locale": self.name} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it out, as often as it is there. Raises CommandFailed."""
        at, rule = self.about, self.rule()
        while tables.is_there(host, at.family, at.table, at.chain, rule):
            tables.run(host, at.family, at.table, "-D", at.chain, *rule)
        self.save(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        family, rule = self.about.family, self.shown()
        return {
            Moment.CORRECT: f"iptables rule for {self.name} already absent for {family} ({rule})",
            Moment.WOULD: f"iptables rule for {self.name} needs to be deleted for {family} ({rule})",
            Moment.DONE: f"Delete iptables rule for {self.name} {rule}",
        }[moment]


class SetPolicy(_Ruled, frozen=True, kw_only=True):
    """Keep a chain's policy: what becomes of packets that no rule decides on.

    Example:
        - iptables.set_policy: {name: closed, table: filter, chain: INPUT, policy: DROP, save: true}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is another one, or not saved. Raises BadArgument."""
        at = self.place()
        if not at.policy:
            raise BadArgument(f"{self.name}: the policy is not given", hint="policy: DROP")
        unknown = sorted(set(self.given) - ABOUT)
        if unknown:
            raise BadArgument(f"iptables.set_policy has no argument {unknown[0]!r}")
        found = tables.chain(host, at.family, at.table, at.chain)
        if found is None or found.policy != at.policy:
            return Changes({"locale": self.name}, mend="policy")
        return Changes({} if self._is_saved(host, at) else {"saved": self.name}, mend="save")

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it, and save. Raises CommandFailed."""
        at = self.about
        if changes.mend == "policy":
            iptables.set_policy(host, at.table, at.chain, at.policy, at.family)
        self.save(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        at = self.about
        what = f"iptables default policy for chain {at.chain} on table {at.table} for {at.family}"
        return {
            Moment.CORRECT: f"{what} already set to {at.policy}",
            Moment.WOULD: f"{what} needs to be set to {at.policy}",
            Moment.DONE: f"Set default policy for {at.chain} to {at.policy} family {at.family}",
        }[moment]

    def _is_saved(self, host: Host, at: _About) -> bool:
        path = at.save if isinstance(at.save, str) else ""
        kept = tables.saved(host, at.family, path).get(at.table, {}).get(at.chain) if at.save else None
        return not at.save or (kept is not None and kept.policy == at.policy)


class _OfChain(State, frozen=True, kw_only=True):
    """A state of a chain: ``name`` is the chain's."""

    table: str = "filter"
    family: Literal["ipv4", "ipv6"] = "ipv4"

    def found(self, host: Host) -> Chain | None:
        """Return the chain, if it is there. Raises BadArgument."""
        return tables.chain(host, self.family, self.table, checked(self.name, "chain"))


class ChainPresent(_OfChain, frozen=True, kw_only=True):
    """Keep a chain.

    Example:
        - iptables.chain_present: {name: WEB, table: filter}
    """

    def check(self, host: Host) -> Changes:
        """Return that it isn't there."""
        return Changes({} if self.found(host) else {"locale": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises CommandFailed."""
        iptables.new_chain(host, self.table, self.name, self.family)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        chain, table = f"iptables {self.name} chain", f"in {self.table} table"
        return {
            Moment.CORRECT: f"{chain} is already exist {table} for {self.family}",
            Moment.WOULD: f"{chain} {table} needs to be set for {self.family}",
            Moment.DONE: f"{chain} {table} create success for {self.family}",
        }[moment]


class ChainAbsent(_OfChain, frozen=True, kw_only=True):
    """See that a table has no such chain; the rules in it go too.

    Example:
        - iptables.chain_absent: {name: WEB, table: filter}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is there."""
        return Changes({"locale": self.name} if self.found(host) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Empty it and remove it. Raises CommandFailed while a rule of another chain leads to it."""
        iptables.flush(host, self.table, self.name, self.family)
        iptables.delete_chain(host, self.table, self.name, self.family)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        chain, table = f"iptables {self.name} chain", f"in {self.table} table"
        return {
            Moment.CORRECT: f"{chain} is already absent {table} for {self.family}",
            Moment.WOULD: f"{chain} {table} needs to be removed {self.family}",
            Moment.DONE: f"{chain} {table} delete success for {self.family}",
        }[moment]


class Flush(State, frozen=True, kw_only=True):
    """See that a chain, or every chain of a table, has no rules.

    Example:
        - iptables.flush: {name: empty, table: filter, chain: WEB}
    """

    table: str = "filter"
    chain: str = ""
    family: Literal["ipv4", "ipv6"] = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return that there are rules. Raises BadArgument."""
        if self.chain:
            found = [tables.chain(host, self.family, self.table, self.chain)]
        else:
            found = list(tables.chains(host, self.family, self.table).values())
        return Changes({"locale": self.name} if any(one and one.rules for one in found) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them. Raises CommandFailed."""
        iptables.flush(host, self.table, self.chain, self.family)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f"iptables rules in {self.table} table {self.chain} chain"
        return {
            Moment.CORRECT: f"{what}: there are none for {self.family}",
            Moment.WOULD: f"{what} flush for {self.family}",
            Moment.DONE: f"Flush {what} {self.family}",
        }[moment]
