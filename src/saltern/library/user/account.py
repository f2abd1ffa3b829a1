"""An account as people see it, and how it is changed."""

from __future__ import annotations

from typing import Any

from saltern.library import _accounts
from saltern.library._accounts import Account, checked, field
from saltern.sdk import BadArgument, Host, NotFound

#: What is known of a person, in the order of its places in the account's field.
WORDS = ("fullname", "roomnumber", "workphone", "homephone", "other")


def shown(host: Host, found: Account) -> dict[str, Any]:
    """Return an account as people see it."""
    return {
        "gid": found.gid,
        "groups": _accounts.groups_of(host, found),
        "home": found.home,
        "name": found.name,
        "passwd": found.password,
        "shell": found.shell,
        "uid": found.uid,
        **dict(zip(WORDS, found.words, strict=True)),
    }


def placed(
    *,
    uid: int | None = None,
    gid: int | str | None = None,
    home: str | None = None,
    shell: str | None = None,
    groups: list[str] | None = None,
) -> list[str]:
    """Return the options that ``useradd`` and ``usermod`` have in common. Raises BadArgument."""
    listed = None if groups is None else ",".join(checked(one, "group") for one in groups)
    given = {"--uid": uid, "--gid": gid, "--home-dir": home, "--shell": shell, "--groups": listed}
    found = {option: field(str(value), option) for option, value in given.items() if value is not None}
    return [word for pair in found.items() for word in pair]


def gecos(*words: str) -> str:
    """Return what is known of a person as one field. Raises BadArgument for words that would break it."""
    for place, text in zip(WORDS, words, strict=True):
        if "," in field(text, place) and place != "other":
            raise BadArgument(f"{place}: a comma can't be in it")
    return ",".join(words).rstrip(",")


def change(host: Host, name: str, *words: str) -> bool:
    """Change an account with options of ``usermod``. Raises NotFound, CommandFailed."""
    existing(host, name)
    return _accounts.run(host, "usermod", *(_MODIFIED.get(word, word) for word in words), checked(name))


#: Options that ``usermod`` calls otherwise than ``useradd``.
_MODIFIED = {"--home-dir": "--home"}


def existing(host: Host, name: str) -> Account:
    """Return an account. Raises NotFound."""
    found = _accounts.account(host, checked(name))
    if found is None:
        raise NotFound(f"User {name!r} does not exist")
    return found
