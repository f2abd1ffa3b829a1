"""Accounts: made, changed, removed, looked up."""

from __future__ import annotations

from typing import Any

from saltern.library import _accounts
from saltern.library._accounts import checked, names
from saltern.library.user.account import WORDS, change, existing, gecos, placed, shown
from saltern.sdk import BadArgument, Host

Names = str | list[str]


def info(host: Host, name: str) -> dict[str, Any]:
    """Return an account: ``{name, uid, gid, groups, home, shell, passwd, fullname, …}``; nothing without one.

    Example:
        saltern run '*' user.info root
    """
    found = _accounts.account(host, name)
    return {} if found is None else shown(host, found)


def getent(host: Host, refresh: bool = False) -> list[dict[str, Any]]:
    """Return all accounts. ``refresh`` is accepted as Salt has it.

    Example:
        saltern run '*' user.getent
    """
    return [shown(host, one) for one in _accounts.accounts(host)]


def list_users(host: Host) -> list[str]:
    """Return the names of all accounts, sorted.

    Example:
        saltern run '*' user.list_users
    """
    return sorted(one.name for one in _accounts.accounts(host))


def list_groups(host: Host, name: str) -> list[str]:
    """Return the names of the groups an account is in, sorted; none when there is no such account.

    Example:
        saltern run '*' user.list_groups app
    """
    found = _accounts.account(host, name)
    return [] if found is None else _accounts.groups_of(host, found)


def primary_group(host: Host, name: str) -> str:
    """Return the name of an account's primary group. Raises NotFound.

    Example:
        saltern run '*' user.primary_group app
    """
    gid = existing(host, name).gid
    found = _accounts.group(host, gid)
    return str(gid) if found is None else found.name


def add(
    host: Host,
    name: str,
    uid: int | None = None,
    gid: int | str | None = None,
    groups: Names | None = None,
    home: str | None = None,
    shell: str | None = None,
    unique: bool = True,
    system: bool = False,
    fullname: str = "",
    roomnumber: str = "",
    workphone: str = "",
    homephone: str = "",
    other: str = "",
    createhome: bool = True,
    usergroup: bool | None = None,
    nologinit: bool = False,
) -> bool:
    """Make an account. Raises CommandFailed.

    ``usergroup`` says whether it gets a group of its own name, the host decides otherwise. ``nologinit``
    leaves it out of the records of last logins.

    Example:
        saltern run '*' user.add app 1500 groups=web shell=/bin/bash
    """
    words = placed(uid=uid, gid=gid, home=home, shell=shell, groups=names(groups) or None)
    words += [] if unique else ["--non-unique"]
    words += ["--system"] if system else []
    words += ["--no-log-init"] if nologinit else []
    words += {True: ["--user-group"], False: ["--no-user-group"], None: []}[usergroup]
    words += ["--create-home" if createhome else "--no-create-home"]
    about = gecos(fullname, roomnumber, workphone, homephone, other)
    words += ["--comment", about] if about else []
    return _accounts.run(host, "useradd", *words, checked(name))


def delete(host: Host, name: str, remove: bool = False, force: bool = False) -> bool:
    """Remove an account. ``remove`` takes its home and mail along. Raises CommandFailed.

    ``force`` removes it even while it is in use.

    Example:
        saltern run '*' user.delete app remove=true
    """
    words = (["--remove"] if remove else []) + (["--force"] if force else [])
    return _accounts.run(host, "userdel", *words, checked(name))


def rename(host: Host, name: str, new_name: str) -> bool:
    """Give an account another name; its home stays where it is. Raises NotFound, BadArgument.

    Example:
        saltern run '*' user.rename app service
    """
    if _accounts.account(host, new_name) is not None:
        raise BadArgument(f"User {new_name!r} already exists")
    return change(host, name, "--login", checked(new_name))


def chuid(host: Host, name: str, uid: int) -> bool:
    """Give an account another number; its home's files follow, others don't. Raises NotFound.

    Example:
        saltern run '*' user.chuid app 1501
    """
    return change(host, name, *placed(uid=uid))


def chgid(host: Host, name: str, gid: int | str) -> bool:
    """Give an account another primary group. Raises NotFound.

    Example:
        saltern run '*' user.chgid app web
    """
    return change(host, name, *placed(gid=gid))


def chshell(host: Host, name: str, shell: str) -> bool:
    """Give an account another shell. Raises NotFound.

    Example:
        saltern run '*' user.chshell app /bin/sh
    """
    return change(host, name, *placed(shell=shell))


def chhome(host: Host, name: str, home: str, persist: bool = False) -> bool:
    """Give an account another home; ``persist`` moves what is in the old one. Raises NotFound.

    Example:
        saltern run '*' user.chhome app /srv/app persist=true
    """
    return change(host, name, *placed(home=home), *(["--move-home"] if persist else []))


def chgroups(host: Host, name: str, groups: Names, append: bool = False) -> bool:
    """Have an account in exactly these groups besides its primary one; ``append`` leaves it in others too.

    Raises NotFound.

    Example:
        saltern run '*' user.chgroups app web,mail append=true
    """
    return change(host, name, *(["--append"] if append else []), *placed(groups=names(groups)))


def chfullname(host: Host, name: str, fullname: str) -> bool:
    """Set the full name that an account stands for. Raises NotFound.

    Example:
        saltern run '*' user.chfullname app 'The application'
    """
    return _tell(host, name, fullname=fullname)


def chroomnumber(host: Host, name: str, roomnumber: str) -> bool:
    """Set the room of an account's owner. Raises NotFound.

    Example:
        saltern run '*' user.chroomnumber ann 7b
    """
    return _tell(host, name, roomnumber=roomnumber)


def chworkphone(host: Host, name: str, workphone: str) -> bool:
    """Set the telephone number at work of an account's owner. Raises NotFound.

    Example:
        saltern run '*' user.chworkphone ann 1234
    """
    return _tell(host, name, workphone=workphone)


def chhomephone(host: Host, name: str, homephone: str) -> bool:
    """Set the telephone number at home of an account's owner. Raises NotFound.

    Example:
        saltern run '*' user.chhomephone ann 1234
    """
    return _tell(host, name, homephone=homephone)


def chother(host: Host, name: str, other: str) -> bool:
    """Set what else is noted of an account's owner. Raises NotFound.

    Example:
        saltern run '*' user.chother ann 'on leave'
    """
    return _tell(host, name, other=other)


def _tell(host: Host, name: str, **told: str) -> bool:
    known = dict(zip(WORDS, existing(host, name).words, strict=True)) | told
    return change(host, name, "--comment", gecos(*known.values()))
