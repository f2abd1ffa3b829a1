"""SELinux kept as it shall be."""

from __future__ import annotations

from typing import Any, Literal

from saltern.library import selinux
from saltern.library._firewall import checked
from saltern.library.selinux import Switch, endpoint, switch
from saltern.sdk import BadArgument, Changes, Host, Moment, NotFound, State


class Mode(State, frozen=True, kw_only=True):
    """Keep the mode, now and for the next start: ``enforcing``, ``permissive`` or ``disabled``.

    Between ``disabled`` and the others lies a restart; until then what is said for the next start counts.

    Example:
        - selinux.mode: enforcing
    """

    def check(self, host: Host) -> Changes:
        """Return that another mode holds, or will. Raises BadArgument."""
        wanted = self.name.lower()
        if wanted not in ("enforcing", "permissive", "disabled"):
            raise BadArgument(
                f"{self.name} is not an accepted mode", hint="enforcing, permissive or disabled"
            )
        now, later = selinux.getenforce(host).lower(), selinux.getconfig(host)
        can_be_now = "disabled" not in (now, wanted)
        if later == wanted and (now == wanted or not can_be_now):
            return Changes()
        return Changes({"old": now, "new": wanted})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set it. Raises NotFound, CommandFailed."""
        selinux.setenforce(host, changes["new"])

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"SELinux is already in {self.name} mode",
            Moment.WOULD: f"SELinux mode is set to be changed to {self.name}",
            Moment.DONE: f"SELinux has been set to {self.name} mode",
        }[moment]


class Boolean(State, frozen=True, kw_only=True):
    """Keep a boolean, or several of ``booleans``; ``persist: true`` also after a restart.

    Example:
        - selinux.boolean: {name: httpd_can_network_connect, value: true, persist: true}
    """

    value: Switch | None = None
    booleans: dict[str, Switch] | list[str | dict[str, Switch]] | None = None
    persist: bool = False

    def check(self, host: Host) -> Changes:
        """Return which are otherwise: ``{name: {State: {old, new}}}``. Raises NotFound, BadArgument."""
        known = selinux.list_sebool(host)
        found: dict[str, Any] = {}
        for name, wanted in self._wanted().items():
            if name not in known:
                raise NotFound(f"Boolean {name} is not available")
            aspects = ("State", "Default") if self.persist else ("State",)
            wrong = {
                one: {"old": known[name][one], "new": wanted} for one in aspects if known[name][one] != wanted
            }
            found |= {name: wrong} if wrong else {}
        return Changes(found)

    def apply(self, host: Host, changes: Changes) -> None:
        """Set them. Raises CommandFailed."""
        wanted = self._wanted()
        pairs: dict[str, Switch] = {name: wanted[name] == "on" for name in changes}
        selinux.setsebools(host, pairs, self.persist)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        shown = ", ".join(f"{name} to {value}" for name, value in self._wanted().items())
        return {
            Moment.CORRECT: f"Boolean is in the correct state: {shown}",
            Moment.WOULD: f"Boolean is set to be changed: {shown}",
            Moment.DONE: f"Boolean has been set: {shown}",
        }[moment]

    def _wanted(self) -> dict[str, str]:
        given = self.booleans
        if given is None:
            given = {self.name: self._default()}
        if isinstance(given, list):
            pairs = [one if isinstance(one, dict) else {one: self._default()} for one in given]
            given = {name: value for pair in pairs for name, value in pair.items()}
        return {checked(name, "boolean"): switch(value) for name, value in given.items()}

    def _default(self) -> Switch:
        if self.value is None:
            raise BadArgument(f"{self.name}: the value is not given", hint="value: true")
        return self.value


class Module(State, frozen=True, kw_only=True):
    """Keep a module of the policy enabled or disabled; with ``install`` and ``source`` have it installed.

    Example:
        - selinux.module: {name: my_app, module_state: Enabled, install: true, source: /srv/my_app.pp}
    """

    module_state: Literal["Enabled", "enabled", "Disabled", "disabled"] = "Enabled"
    version: str = "any"
    install: bool = False
    source: str | None = None
    remove: bool = False

    def check(self, host: Host) -> Changes:
        """Return what is otherwise. Raises NotFound for a module that isn't there and not to be installed."""
        found = selinux.getsemod(host, checked(self.name, "module"))
        if self.remove:
            return Changes({self.name: {"old": "installed", "new": ""}} if found else {})
        wanted = self.module_state.lower() == "enabled"
        if found:
            return Changes.between({self.name: found["Enabled"]}, {self.name: wanted})
        if not self.install:
            raise NotFound(
                f"Module {self.name} is not available", hint="install: true, and source: /a/file.pp"
            )
        if self.source is None:
            raise BadArgument(f"{self.name}: source is not given", hint="source: /srv/my_app.pp")
        return Changes({self.name: {"old": None, "new": wanted}})

    def apply(self, host: Host, changes: Changes) -> None:
        """Install, remove, enable or disable it. Raises NotFound, CommandFailed."""
        both = changes[self.name]
        if self.remove:
            selinux.remove_semod(host, self.name)
            return
        if both["old"] is None and self.source is not None:
            selinux.install_semod(host, self.source)
        if both["old"] is not None or not both["new"]:
            selinux.setsemod(host, self.name, self.module_state)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        state = "removed" if self.remove else self.module_state
        return {
            Moment.CORRECT: f"Module {self.name} is in the desired state",
            Moment.WOULD: f"Module {self.name} is set to be {state}",
            Moment.DONE: f"Module {self.name} has been set to {state}",
        }[moment]


class FcontextPolicyPresent(State, frozen=True, kw_only=True):
    """Keep which label files get; ``name`` is a regular expression for their paths.

    Example:
        - selinux.fcontext_policy_present: {name: '/srv/www(/.*)?', sel_type: httpd_sys_content_t}
    """

    sel_type: str
    filetype: str = "a"
    sel_user: str | None = None
    sel_level: str | None = None

    def check(self, host: Host) -> Changes:
        """Return what is otherwise: ``{sel_type: {old, new} …}``. Raises BadArgument."""
        now = selinux.fcontext_get_policy(host, self.name, self.filetype) or {}
        wanted = {"sel_type": self.sel_type, "sel_user": self.sel_user, "sel_level": self.sel_level}
        return Changes.between(now, {key: value for key, value in wanted.items() if value is not None})

    def apply(self, host: Host, changes: Changes) -> None:
        """Say it. Raises CommandFailed."""
        selinux.fcontext_add_policy(
            host, self.name, self.filetype, self.sel_type, self.sel_user, self.sel_level
        )

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f'SELinux policy for "{self.name}"'
        return {
            Moment.CORRECT: f"{what} already present with specified filetype and sel_type {self.sel_type}",
            Moment.WOULD: f"{what} would be set to {self.sel_type}",
            Moment.DONE: f"{what} has been set to {self.sel_type}",
        }[moment]


class FcontextPolicyAbsent(State, frozen=True, kw_only=True):
    """See that nothing is said of files' labels.

    Example:
        - selinux.fcontext_policy_absent: '/srv/www(/.*)?'
    """

    filetype: str = "a"
    sel_type: str | None = None
    sel_user: str | None = None
    sel_level: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that something is said. Raises BadArgument."""
        found = selinux.fcontext_get_policy(
            host, self.name, self.filetype, self.sel_type, self.sel_user, self.sel_level
        )
        return Changes({self.name: {"old": found["sel_type"], "new": ""}} if found else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it back. Raises CommandFailed, as for what the policy itself says."""
        selinux.fcontext_delete_policy(host, self.name, self.filetype)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f'SELinux policy for "{self.name}" already absent',
            Moment.WOULD: f'SELinux policy for "{self.name}" would be removed',
            Moment.DONE: f'SELinux policy for "{self.name}" has been removed',
        }[moment]


class FcontextPolicyApplied(State, frozen=True, kw_only=True):
    """Keep the labels of a file, or of all below a directory, as the policy says.

    Example:
        - selinux.fcontext_policy_applied: {name: /srv/www, recursive: true}
    """

    recursive: bool = False

    def check(self, host: Host) -> Changes:
        """Return what ``restorecon`` would change. Raises CommandFailed."""
        found = selinux.fcontext_policy_is_applied(host, self.name, self.recursive)
        return Changes({self.name: found.splitlines()} if found else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Set the labels. Raises CommandFailed."""
        selinux.fcontext_apply_policy(host, self.name, self.recursive)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f'SELinux policies are already applied for "{self.name}"',
            Moment.WOULD: f'SELinux policies would be applied for "{self.name}"',
            Moment.DONE: f'SELinux policies have been applied for "{self.name}"',
        }[moment]


class PortPolicyPresent(State, frozen=True, kw_only=True):
    """Keep the label of a port; ``name`` is ``tcp/8080``, unless ``protocol`` and ``port`` are given.

    Example:
        - selinux.port_policy_present: {name: tcp/8080, sel_type: http_port_t}
    """

    sel_type: str
    protocol: str | None = None
    port: str | int | None = None
    sel_range: str | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has another label, or none. Raises BadArgument."""
        if selinux.port_get_policy(host, self.name, self.sel_type, self.protocol, self.port):
            return Changes()
        now = selinux.port_get_policy(host, self.name, None, self.protocol, self.port)
        at = "/".join(endpoint(self.name, self.protocol, self.port))
        return Changes({at: {"old": now and now["sel_type"], "new": self.sel_type}}, mend=now is not None)

    def apply(self, host: Host, changes: Changes) -> None:
        """Give it the label. Raises CommandFailed."""
        set_ = selinux.port_modify_policy if changes.mend else selinux.port_add_policy
        set_(host, self.name, self.sel_type, self.protocol, self.port, self.sel_range)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        what = f'SELinux policy for "{self.name}"'
        return {
            Moment.CORRECT: f"{what} already present with specified sel_type {self.sel_type}",
            Moment.WOULD: f"{what} would be set to {self.sel_type}",
            Moment.DONE: f"{what} has been set to {self.sel_type}",
        }[moment]


class PortPolicyAbsent(State, frozen=True, kw_only=True):
    """See that a port has no label, or not this one.

    Example:
        - selinux.port_policy_absent: {name: tcp/8080, sel_type: http_port_t}
    """

    sel_type: str | None = None
    protocol: str | None = None
    port: str | int | None = None

    def check(self, host: Host) -> Changes:
        """Return that it has it. Raises BadArgument."""
        found = selinux.port_get_policy(host, self.name, self.sel_type, self.protocol, self.port)
        at = "/".join(endpoint(self.name, self.protocol, self.port))
        return Changes({at: {"old": found["sel_type"], "new": ""}} if found else {})

    def apply(self, host: Host, changes: Changes) -> None:
        """Take it away. Raises CommandFailed, as for a label that the policy itself gives."""
        selinux.port_delete_policy(host, self.name, self.protocol, self.port)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f'SELinux policy for "{self.name}" already absent',
            Moment.WOULD: f'SELinux policy for "{self.name}" would be removed',
            Moment.DONE: f'SELinux policy for "{self.name}" has been removed',
        }[moment]
