"""What git may be told: addresses of repositories, names of revisions, options; all else is refused."""

from __future__ import annotations

import re
import shlex
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from saltern.sdk import BadArgument

#: Ways to a repository. ``ext::`` and its like run programs and are none.
SCHEMES = ("http", "https", "ssh", "git", "git+ssh", "ssh+git", "file", "ftp", "ftps")
#: ``user@server:path``, as scp has it; what has two colons names a program that git would run.
_SCP = re.compile(r"([\w.+-]+@)?(\[[0-9A-Fa-f:.]+\]|\w[\w.-]*):(?![:-]|//)\S.*", re.ASCII)
_NO_REVISION = re.compile(r"^[-/]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.lock$")
#: Options that have git run a program, or write where it is told to; git takes abbreviations of them too.
_PROGRAMS = (
    *("--upload-pack", "--receive-pack", "--exec", "--exec-path", "--config", "--config-env", "--template"),
    *("--ext-diff", "--textconv", "--output", "--open-files-in-pager", "--extcmd", "--separate-git-dir"),
    *("--git-dir", "--work-tree", "--super-prefix", "--remote", "--no-index", "--reference"),
)
_SHORT_PROGRAMS = {"clone": ("-u", "-c"), "rebase": ("-x",), "archive": ("-o",), "grep": ("-O",)}
#: Sections of git's settings that run nothing.
_HARMLESS = ("user", "author", "committer", "color", "init", "advice", "i18n", "push", "pull", "http")


class Address(msgspec.Struct, frozen=True):
    """Where a repository is. ``url`` is without a password, which is never written down or shown."""

    url: str
    username: str = ""
    password: str = ""

    @property
    def is_local(self) -> bool:
        """Tell whether it lies on this machine."""
        return self.url.startswith(("/", "file://"))


NOWHERE = Address("")


def address(url: str, https_user: str | None = None, https_pass: str | None = None) -> Address:
    """Return where a repository is. Raises BadArgument for what is no such address."""
    if not url.isprintable() or not _is_address(url):
        raise BadArgument(
            f"{redacted(url)!r} is no address of a repository",
            hint="write https://…, ssh://…, user@server:path, file:///… or an absolute path",
        )
    if (https_user or https_pass) and not url.startswith(("https://", "http://")):
        raise BadArgument("https_user and https_pass are for https:// addresses", hint="- identity: a key")
    if not url.startswith(("https://", "http://", "ftp")):
        return Address(url)
    parts = urlsplit(url)
    account, _, server = parts.netloc.rpartition("@")
    name, colon, password = account.partition(":")
    bare = urlunsplit(parts._replace(netloc=f"{name}@{server}" if name and not colon else server))
    return Address(bare, https_user or unquote(name), https_pass or unquote(password))


def _is_address(url: str) -> bool:
    if url.startswith("/"):
        return True
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _SCP.fullmatch(url) is not None
    if scheme == "file":
        return rest.startswith("/")
    host = rest.partition("/")[0].rpartition("@")[2]
    return scheme in SCHEMES and bool(host) and not host.startswith("-") and not rest.startswith("-")


def redacted(url: str) -> str:
    """Return an address as it may be shown: without a name and password."""
    return re.sub(r"(?<=://)[^/@:\s]*:[^/\s]*@", "", url)


def revision(name: str, what: str = "rev") -> str:
    """Return a branch, tag or commit as it is. Raises BadArgument for what can be none."""
    if not name or _NO_REVISION.search(name) or name == "@":
        raise BadArgument(f"{what} = {name!r} is no name of a branch, tag or commit")
    return name


def expression(rev: str) -> str:
    """Return a revision that may have git's operators (``HEAD~2``, ``a..b``) but is no option."""
    if not rev or rev.startswith("-") or "\0" in rev or "\n" in rev:
        raise BadArgument(f"{rev!r} is no revision")
    return rev


def options(text: str, command: str) -> list[str]:
    """Return the words of ``opts``. Raises BadArgument for options by which git would run a program."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadArgument(f"opts = {text!r} can't be split into words: {error}") from None
    for word in words:
        bare = word.partition("=")[0]
        short = _SHORT_PROGRAMS.get(command, ())
        if "\0" in word or any(word.startswith(one) for one in short) or _is_refused(bare):
            raise BadArgument(
                f"opts: {bare} is not taken", hint="it may have git run a program or write elsewhere"
            )
    return words


def _is_refused(option: str) -> bool:
    """Tell whether an option, or what it may be short for, is refused."""
    return len(option) > 3 and option.startswith("--") and any(one.startswith(option) for one in _PROGRAMS)


def before_command(text: str) -> list[str]:
    """Return the words of ``git_opts``: pagers off, and harmless settings. Raises BadArgument."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadArgument(f"git_opts = {text!r} can't be split into words: {error}") from None
    rest = iter(words)
    for word in rest:
        setting = next(rest, "") if word == "-c" else ""
        if word == "-c" and setting.partition(".")[0].lower() in _HARMLESS and "\0" not in setting:
            continue
        if word not in ("--no-pager", "-P", "--no-replace-objects", "--literal-pathspecs", "--bare"):
            raise BadArgument(f"git_opts: {word} {setting}".rstrip() + " is not taken")
    return words
