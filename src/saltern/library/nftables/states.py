"""Tables, chains, rules and policies kept in the kernel, and saved for its next start."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from saltern.library import nftables
from saltern.library._firewall import checked
from saltern.library.nftables import ruleset
from saltern.library.nftables.rule import ABOUT, build
from saltern.sdk import BadArgument, Changes, Host, Moment, State


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """What an SLS says of a rule beside the rule: where it is, and whether it is to be saved."""

    table: str = "filter"
    chain: str = ""
    family: str = "ipv4"
    save: bool | str = False
    position: int | None = None
    policy: str = ""
    rule: str = ""


class _Ruled(State, frozen=True, kw_only=True):
    """A state whose arguments are those of a rule; some of them are named by no valid field (``if``)."""

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

    @property
    def at(self) -> tuple[str, ...]:
        """The chain. Raises BadArgument when it isn't named."""
        about = self.about
        if not about.chain:
            raise BadArgument(f"{self.name}: the chain is not named", hint="chain: input")
        return ruleset.place(about.family, about.table, about.chain)

    def rule(self) -> str:
        """Return the rule's statement. Raises BadArgument when nothing is said of it."""
        about = self.about
        found = build(self.given, ruleset.family_of(about.family))
        if about.rule and found:
            raise BadArgument(f"{self.name}: rule says all of a rule", hint="leave the other arguments out")
        if not (about.rule or found):
            raise BadArgument(f"{self.name}: nothing is said of the rule", hint="jump: accept")
        return about.rule or found

    def handle(self, host: Host) -> int | None:
        """Return the rule's handle, if the chain is there and has it. Raises BadArgument."""
        return ruleset.find(host, self.at, self.rule()) if ruleset.chain(host, self.at) else None

    def unsaved(self, host: Host) -> bool:
        """Tell whether the rules are to be saved and aren't."""
        path = self._path(host)
        return bool(path) and host.text(path, "") != ruleset.saved_text(host)

    def save(self, host: Host) -> None:
        """Save all rules, if that is asked for."""
        path = self._path(host)
        if path:
            nftables.save(host, path)

    def _path(self, host: Host) -> str:
        asked = self.about.save
        return asked if isinstance(asked, str) else ruleset.saved_path(host) if asked else ""


class Append(_Ruled, frozen=True, kw_only=True):
    """Keep a rule in a chain; a new one is put at its end.

    ``table`` (``filter``), ``chain`` and ``family`` say where; ``save: true`` also keeps all rules in the
    file that the platform reads at its start, or in the file named. The rule is said by ``proto``,
    ``source``, ``destination``, ``dport``, ``dports``, ``sport``, ``sports``, ``connstate``, ``if``, ``of``,
    ``icmp-type``, ``limit``, ``counter``, ``comment``, ``log-prefix``, ``reject-with``, ``to-port``,
    ``to-source``, ``to-destination`` and ``jump``; or by ``rule`` in nft's own language.

    Example:
        - nftables.append: {name: ssh, chain: input, proto: tcp, dport: 22, jump: accept, save: true}
    """

    def check(self, host: Host) -> Changes:
        """Return that it isn't there, or that the rules aren't saved. Raises BadArgument."""
        if self.handle(host) is None:
            return Changes({"locale": self.name}, mend="rule")
        return Changes({"saved": self.name} if self.unsaved(host) else {}, mend="save")

    def apply(self, host: Host, changes: Changes) -> None:
        """Put it there, and save. Raises CommandFailed."""
        if changes.mend == "rule":
            ruleset.load(host, f"{self._command()} {self.rule()}")
        self.save(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        family, rule = self.about.family, self.rule()
        return {
            Moment.CORRECT: f"nftables rule for {self.name} already set ({rule}) for {family}",
            Moment.WOULD: f"nftables rule for {self.name} needs to be set ({rule}) for {family}",
            Moment.DONE: f"Set nftables rule for {self.name} to: {rule} for {family}",
        }[moment]

    def _command(self) -> str:
        return f"add rule {' '.join(self.at)}"


class Insert(Append, frozen=True, kw_only=True):
    """Keep a rule in a chain; a new one is put first, or before the one with the handle ``position``.

    The other arguments are those of ``nftables.append``.

    Example:
        - nftables.insert: {name: web, chain: input, proto: tcp, dports: [80, 443], jump: accept}
    """

    def _command(self) -> str:
        position = self.about.position
        return f"insert rule {' '.join(self.at)}" + (f" position {position}" if position else "")


class Delete(_Ruled, frozen=True, kw_only=True):
    """See that a chain has no such rule; all of them go. The arguments are those of ``nftables.append``.

    Example:
        - nftables.delete: {name: telnet, chain: input, proto: tcp, dport: 23, jump: accept}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is there. Raises BadArgument."""
        return Changes({} if self.handle(host) is None else {"locale": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it out, as often as it is there, and save. Raises CommandFailed."""
        wanted = ruleset.compiled(host, self.at, self.rule())
        for one in ruleset.held(host, self.at):
            if one.rule == wanted:
                ruleset.run(host, "delete", "rule", *self.at, "handle", str(one.handle))
        self.save(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        family, rule = self.about.family, self.rule()
        return {
            Moment.CORRECT: f"nftables rule for {self.name} already absent for {family} ({rule})",
            Moment.WOULD: f"nftables rule for {self.name} needs to be deleted for {family} ({rule})",
            Moment.DONE: f"Delete nftables rule for {self.name} {rule}",
        }[moment]


class SetPolicy(_Ruled, frozen=True, kw_only=True):
    """Keep a chain's policy, ``accept`` or ``drop``: what becomes of packets that no rule decides on.

    Example:
        - nftables.set_policy: {name: closed, table: filter, chain: input, policy: drop}
    """

    def check(self, host: Host) -> Changes:
        """Return that it is another one, or that the rules aren't saved. Raises BadArgument."""
        unknown = sorted(set(self.given) - ABOUT)
        if unknown:
            raise BadArgument(f"nftables.set_policy has no argument {unknown[0]!r}")
        if not self.about.policy:
            raise BadArgument(f"{self.name}: the policy is not given", hint="policy: drop")
        found = ruleset.chain(host, self.at)
        if found is None or found.get("policy") != self.about.policy.lower():
            return Changes({"locale": self.name}, mend="policy")
        return Changes({"saved": self.name} if self.unsaved(host) else {}, mend="save")

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it, and save. Raises CommandFailed."""
        about = self.about
        if changes.mend == "policy":
            nftables.set_policy(host, about.table, about.chain, about.policy, about.family)
        self.save(host)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        about = self.about
        what = f"nftables default policy for chain {about.chain} on table {about.table} for {about.family}"
        return {
            Moment.CORRECT: f"{what} already set to {about.policy}",
            Moment.WOULD: f"{what} needs to be set to {about.policy}",
            Moment.DONE: f"Set default policy for {about.chain} to {about.policy} family {about.family}",
        }[moment]


class TablePresent(State, frozen=True, kw_only=True):
    """Keep a table.

    Example:
        - nftables.table_present: {name: filter, family: inet}
    """

    family: str = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return that it isn't there."""
        there = nftables.check_table(host, checked(self.name, "table"), self.family)
        return Changes({} if there else {"locale": self.name})

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises CommandFailed."""
        nftables.new_table(host, self.name, self.family)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f"nftables table {self.name} in family {self.family}"
        return {
            Moment.CORRECT: f"{what} already exists",
            Moment.WOULD: f"{what} would be created",
            Moment.DONE: f"{what} successfully created",
        }[moment]


class TableAbsent(State, frozen=True, kw_only=True):
    """See that there is no such table; what is in it goes too.

    Example:
        - nftables.table_absent: {name: old, family: inet}
    """

    family: str = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return that it is there."""
        there = nftables.check_table(host, checked(self.name, "table"), self.family)
        return Changes({"locale": self.name} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove it. Raises CommandFailed."""
        nftables.delete_table(host, self.name, self.family)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f"nftables table {self.name} in family {self.family}"
        return {
            Moment.CORRECT: f"{what} is already absent",
            Moment.WOULD: f"{what} would be deleted",
            Moment.DONE: f"{what} successfully deleted",
        }[moment]


class ChainPresent(State, frozen=True, kw_only=True):
    """Keep a chain; with ``table_type``, ``hook`` and ``priority`` one that the kernel sends packets to.

    A chain that is at another hook, or at none, is an error: it would have to be removed first.

    Example:
        - nftables.chain_present: {name: input, table: filter, table_type: filter, hook: input, priority: 0}
    """

    table: str = "filter"
    table_type: str | None = None
    hook: str | None = None
    priority: int | str | None = None
    family: str = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return that it isn't there. Raises BadArgument for one at another hook."""
        found = ruleset.chain(host, ruleset.place(self.family, self.table, checked(self.name, "chain")))
        if found is None:
            return Changes({"locale": self.name})
        if self.hook is not None and (found.get("hook"), found.get("type")) != (self.hook, self.table_type):
            is_at = f"is at the hook {found['hook']}" if "hook" in found else "is at no hook"
            raise BadArgument(f"the chain {self.name} {is_at}", hint="remove it with nftables.chain_absent")
        return Changes()

    def apply(self, host: Host, changes: Changes) -> None:
        """Make it. Raises CommandFailed."""
        nftables.new_chain(
            host, self.table, self.name, self.table_type, self.hook, self.priority, self.family
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f"nftables {self.name} chain"
        return {
            Moment.CORRECT: f"{what} is already exist in {self.table} table for {self.family}",
            Moment.WOULD: f"{what} in {self.table} table needs to be set for {self.family}",
            Moment.DONE: f"{what} in {self.table} table create success for {self.family}",
        }[moment]


class ChainAbsent(State, frozen=True, kw_only=True):
    """See that a table has no such chain; the rules in it go too.

    Example:
        - nftables.chain_absent: {name: web, table: filter}
    """

    table: str = "filter"
    family: str = "ipv4"

    def check(self, host: Host) -> Changes:
        """Return that it is there."""
        there = nftables.check_chain(host, self.table, checked(self.name, "chain"), self.family)
        return Changes({"locale": self.name} if there else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Empty it and remove it. Raises CommandFailed while a rule of another chain leads to it."""
        nftables.flush(host, self.table, self.name, self.family)
        nftables.delete_chain(host, self.table, self.name, self.family)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f"nftables {self.name} chain"
        return {
            Moment.CORRECT: f"{what} is already absent in {self.table} table for {self.family}",
            Moment.WOULD: f"{what} in {self.table} table needs to be removed for {self.family}",
            Moment.DONE: f"{what} in {self.table} table delete success for {self.family}",
        }[moment]


class Flush(State, frozen=True, kw_only=True):
    """See that a chain, or every chain of a table, has no rules.

    ``ignore_absence: true`` takes a table or chain that isn't there for one without rules.

    Example:
        - nftables.flush: {name: empty, table: filter, chain: input}
    """

    table: str = "filter"
    chain: str = ""
    family: str = "ipv4"
    ignore_absence: bool = False

    def check(self, host: Host) -> Changes:
        """Return that there are rules, or that it isn't known as the chain isn't there yet."""
        at = ruleset.place(self.family, self.table, self.chain)
        found = ruleset.listing(host, "chain" if self.chain else "table", at)
        if found is None and not self.ignore_absence:
            return Changes(unknown=f"there is no {' '.join(at)} yet")
        return Changes({"locale": self.name} if any("rule" in one for one in found or ()) else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Remove them. Raises CommandFailed."""
        nftables.flush(host, self.table, self.chain, self.family)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f"nftables rules in {self.table} table {self.chain} chain"
        return {
            Moment.CORRECT: f"{what}: there are none for {self.family}",
            Moment.WOULD: f"{what} flush for {self.family}",
            Moment.DONE: f"Flush {what} {self.family}",
        }[moment]
