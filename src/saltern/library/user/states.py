"""Accounts kept as they should be, or away."""

from __future__ import annotations

from typing import Any

from saltern.library import _accounts, _crypt, _days, shadow, user
from saltern.library._accounts import REDACTED, Account, GroupEntry, Shadow
from saltern.library.user import account
from saltern.sdk import Changes, Conflict, Done, Host, Moment, NotSupported, State

#: Fields of the state by the names that a password's days have.
_FIELDS = {"lstchg": "date", "min": "mindays", "max": "maxdays", "warn": "warndays", "inact": "inactdays"}
#: A home that is not meant to be there.
_NOWHERE = ("/nonexistent", "/dev/null")


class Present(State, frozen=True, kw_only=True):
    """Keep an account.

    What isn't named is left alone. ``groups`` are all that the account is in besides its primary one, with
    those of ``optional_groups`` that there are; with ``remove_groups: false`` it stays in others too.
    ``password`` is a hash, or with ``hash_password: true`` the password itself; ``enforce_password: false``
    sets it only once. ``createhome`` makes the home; ``usergroup`` gives a new account a group of its name.
    A number is changed only with ``allow_uid_change`` or ``allow_gid_change``. ``date`` and ``expire`` are
    dates or days since 1970.

    Example:
        - user.present: {name: app, uid: 1500, groups: [web], shell: /bin/bash, home: /srv/app}
    """

    uid: int | None = None
    gid: int | str | None = None
    gid_from_name: bool = False
    usergroup: bool | None = None
    groups: list[str] | None = None
    optional_groups: list[str] | None = None
    remove_groups: bool = True
    home: str | None = None
    createhome: bool = True
    password: str | None = None
    hash_password: bool = False
    enforce_password: bool = True
    empty_password: bool = False
    password_lock: bool | None = None
    shell: str | None = None
    unique: bool = True
    system: bool = False
    fullname: str | None = None
    roomnumber: str | None = None
    workphone: str | None = None
    homephone: str | None = None
    other: str | None = None
    date: int | str | None = None
    mindays: int | None = None
    maxdays: int | None = None
    inactdays: int | None = None
    warndays: int | None = None
    expire: int | str | None = None
    nologinit: bool = False
    allow_uid_change: bool = False
    allow_gid_change: bool = False
    local: bool = False

    def check(self, host: Host) -> Changes:
        """Return what is otherwise, by its name, with the values it shall have. Raises Conflict."""
        self._refuse_contradictions(host)
        found = _accounts.account(host, _accounts.checked(self.name))
        if found is None:
            wanted = {"name": self.name} | self._wanted_plainly()
            return Changes(wanted, mend="new", comment=f"User {self.name} set to be added")
        differences = self._differs(host, found)
        self._refuse_numbers(found, differences)
        lines = "".join(f"{name}: {value}\n" for name, value in differences.items())
        would = f"The following user attributes are set to be changed:\n{lines}" if differences else ""
        return Changes(differences, comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make it, or mend what is otherwise. Raises Conflict, NotFound, CommandFailed."""
        self._refuse_missing_groups(host)
        if changes.mend == "new":
            return self._make(host)
        self._change(host, changes)
        return Done(changes=dict(changes), comment=f"Updated user {self.name}")

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return f"User {self.name} is present and up to date"

    # --- what shall be --------------------------------------------------------------------------------

    def _wanted_plainly(self) -> dict[str, Any]:
        """Return what is asked for of a new account, as far as it can be told before there is one."""
        named = ("uid", "gid", "home", "shell", *account.WORDS)
        found = {name: getattr(self, name) for name in named if getattr(self, name) is not None}
        found |= {"groups": sorted(set(self.groups))} if self.groups else {}
        return found | ({"passwd": REDACTED} if self.password is not None or self.empty_password else {})

    def _group(self, host: Host) -> GroupEntry | None:
        """Return the primary group asked for, if it is there."""
        wanted = self.name if self.gid_from_name else self.gid
        return None if wanted is None else _accounts.group(host, wanted)

    def _groups(self, host: Host) -> set[str] | None:
        """Return the groups asked for besides the primary one; None when nothing is."""
        if self.groups is None and self.optional_groups is None:
            return None
        optional = {one for one in self.optional_groups or () if _accounts.group(host, one) is not None}
        return {*(self.groups or ())} | optional

    def _differs(self, host: Host, found: Account) -> dict[str, Any]:
        now = {"uid": found.uid, "home": found.home, "shell": found.shell}
        now |= dict(zip(account.WORDS, found.words, strict=True))
        wanted = {name: getattr(self, name) for name in now}
        differences = {
            name: value for name, value in wanted.items() if value is not None and value != now[name]
        }
        group = self._group(host)
        if group is not None and group.gid != found.gid:
            differences["gid"] = group.gid
        differences |= self._groups_differ(host, found)
        home = self.home or found.home
        if self.createhome and home and home not in _NOWHERE and not host.exists(home):
            differences["homeDoesNotExist"] = home
        return differences | self._shadow_differs(host)

    def _groups_differ(self, host: Host, found: Account) -> dict[str, Any]:
        wanted = self._groups(host)
        if wanted is None:
            return {}
        primary = _accounts.group(host, found.gid)
        kept = {one for one in _accounts.groups_of(host, found) if primary is None or one != primary.name}
        wanted -= {primary.name} if primary is not None else set()
        settled = wanted <= kept if not self.remove_groups else wanted == kept
        return {} if settled else {"groups": sorted(wanted if self.remove_groups else wanted | kept)}

    # --- the password -----------------------------------------------------------------------------------

    def _shadow_differs(self, host: Host) -> dict[str, Any]:
        asked = self._days()
        if not asked and self.password is None and not self.empty_password and self.password_lock is None:
            return {}
        found = _accounts.shadow(host, self.name) or Shadow(self.name, "")
        now = _days.of(found)
        differences: dict[str, Any] = {name: value for name, value in asked.items() if value != now[name]}
        if self._password_differs(found):
            differences["passwd"] = REDACTED
        locked = found.password.startswith("!")
        if self.password_lock is not None and self.password_lock is not locked:
            differences["password_lock"] = self.password_lock
        return differences

    def _days(self) -> dict[str, int]:
        """Return the days asked for."""
        given = {name: getattr(self, of) for name, of in {**_FIELDS, "expire": "expire"}.items()}
        return {name: _days.day(value) for name, value in given.items() if value is not None}

    def _password_differs(self, found: Shadow) -> bool:
        now = found.password.lstrip("!") if self.password_lock is not None else found.password
        if self.empty_password:
            return found.password != ""
        if self.password is None or (not self.enforce_password and now.strip("!*")):
            return False
        if not self.hash_password:
            return now != self.password
        return not now.startswith("$") or _crypt.hashed(self.password, now) != now

    def _set_password(self, host: Host) -> None:
        if self.empty_password:
            shadow.del_password(host, self.name)
        elif self.password is not None:
            made = _crypt.hashed(self.password, _crypt.setting()) if self.hash_password else self.password
            shadow.set_password(host, self.name, made)

    # --- doing it -------------------------------------------------------------------------------------

    def _make(self, host: Host) -> Done:
        user.add(
            host,
            self.name,
            uid=self.uid,
            gid=self.name if self.gid_from_name else self.gid,
            groups=sorted(self._groups(host) or ()),
            home=self.home,
            shell=self.shell,
            unique=self.unique,
            system=self.system,
            createhome=self.createhome,
            usergroup=self.usergroup,
            nologinit=self.nologinit,
            **{word: getattr(self, word) or "" for word in account.WORDS},
        )
        after = self._shadow_differs(host)
        self._keep_password(host, after)
        shown = user.info(host, self.name) | after
        return Done(changes=shown, comment=f"New user {self.name} created")

    def _change(self, host: Host, changes: Changes) -> None:
        """Mend an account with one call of ``usermod``, and what its password needs."""
        named = {name: changes[name] for name in ("uid", "gid", "home", "shell", "groups") if name in changes}
        words = account.placed(**named)
        words += [] if self.unique or "uid" not in changes else ["--non-unique"]
        if any(word in changes for word in account.WORDS):
            known = user.info(host, self.name)
            words += ["--comment", account.gecos(*(changes.get(word, known[word]) for word in account.WORDS))]
        if words:
            account.change(host, self.name, *words)
        if "homeDoesNotExist" in changes:
            self._make_home(host, changes["homeDoesNotExist"])
        self._keep_password(host, dict(changes))

    def _keep_password(self, host: Host, differences: dict[str, Any]) -> None:
        if "passwd" in differences:
            self._set_password(host)
        if self.password_lock is not None and self.password_lock is not self._locked(host):
            (shadow.lock_password if self.password_lock else shadow.unlock_password)(host, self.name)
        due = {*differences, "lstchg"} if "passwd" in differences else {*differences}
        days = {name: value for name, value in self._days().items() if name in due}
        if days:
            _days.change(host, self.name, **days)

    def _locked(self, host: Host) -> bool:
        found = _accounts.shadow(host, self.name)
        return found is not None and found.password.startswith("!")

    def _make_home(self, host: Host, path: str) -> None:
        found = _accounts.account(host, self.name)
        host.make_directory(path)
        if found is not None:
            host.set_owner(path, found.uid, found.gid)

    # --- what can't be --------------------------------------------------------------------------------

    def _refuse_contradictions(self, host: Host) -> None:
        if self.local:
            raise NotSupported("local: true is not served", hint="accounts are kept in the host's own files")
        both = sorted({*(self.groups or ())} & {*(self.optional_groups or ())})
        if both:
            raise Conflict(
                f"Groups in both groups and optional_groups: {', '.join(both)}", hint="name each once"
            )
        if self.password is not None:
            _accounts.field(self.password, "password")
            if self.empty_password:
                raise Conflict("password and empty_password can't both be given")

    def _refuse_missing_groups(self, host: Host) -> None:
        missing = [one for one in self.groups or () if _accounts.group(host, one) is None]
        if missing:
            raise Conflict(
                f"The following group(s) are not present: {','.join(missing)}",
                hint="make them before it: group.present",
            )

    def _refuse_numbers(self, found: Account, differences: dict[str, Any]) -> None:
        for what, now, allowed in (
            ("uid", found.uid, self.allow_uid_change),
            ("gid", found.gid, self.allow_gid_change),
        ):
            if what in differences and not allowed:
                raise Conflict(
                    "Encountered error checking for needed changes. Additional info follows:\n\n"
                    f"- Changing {what} ({now} -> {differences[what]}) not permitted, set "
                    f"allow_{what}_change to True to force this change. "
                    "Note that this will not change file ownership."
                )


class Absent(State, frozen=True, kw_only=True):
    """See that there is no such account; ``purge`` takes its home along, ``force`` removes it even in use.

    Example:
        - user.absent: {name: app, purge: true}
    """

    purge: bool = False
    force: bool = False
    local: bool = False

    def check(self, host: Host) -> Changes:
        """Return that it has to go."""
        there = _accounts.account(host, _accounts.checked(self.name))
        return Changes({self.name: "removed"} if there else {})

    def apply(self, host: Host, changes: Changes) -> Done:
        """Remove it, and tell which groups went with it. Raises CommandFailed."""
        before = {one.name for one in _accounts.groups(host)}
        user.delete(host, self.name, self.purge, self.force)
        gone = sorted(before - {one.name for one in _accounts.groups(host)})
        return Done(changes=dict(changes) | {f"{one} group": "removed" for one in gone})

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return {
            Moment.CORRECT: f"User {self.name} is not present",
            Moment.WOULD: f"User {self.name} set for removal",
            Moment.DONE: f"Removed user {self.name}",
        }[moment]
