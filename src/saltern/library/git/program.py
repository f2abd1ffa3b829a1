"""The program git, run so that it asks nothing, starts nothing it should not, and tells no secret."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping, Sequence

import msgspec

from saltern.library.git.address import NOWHERE, Address
from saltern.sdk import BadArgument, Command, CommandFailed, Finished, Host, NotFound, NotSupported, TimedOut
from saltern.sdk.host import PLAIN_LOCALE

#: A remote that says nothing for so many seconds is given up.
_SILENCE = "60"
_SETTINGS: Mapping[str, str] = {
    "protocol.allow": "never",
    **{f"protocol.{name}.allow": "always" for name in ("http", "https", "ssh", "git", "ftp", "ftps")},
    "protocol.file.allow": "user",
    "core.fsmonitor": "false",
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    "advice.detachedHead": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": _SILENCE,
}
#: What the agent's own environment might say of another repository.
_FORGOTTEN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
#: Gives git what is in its environment; the text holds no secret.
_HELPER = (
    '!f() { test "$1" = get && '
    'printf "username=%s\\npassword=%s\\n" "$SALTERN_GIT_USER" "$SALTERN_GIT_PASSWORD"; }; f'
)
_HINTS = {
    "dubious ownership": "the directory belongs to somebody else: name its owner, - user: …",
    "Host key verification failed": "have the server's key known: ssh_known_hosts.present",
    "could not read Username": "name an account: - https_user: … and - https_pass: …",
    "Authentication failed": "are https_user and https_pass right?",
    "Permission denied (publickey": "name a key that the server knows: - identity: /path",
    "No space left": "the disk is full",
}


class Access(msgspec.Struct, frozen=True):
    """How one comes to a remote: keys for ssh, the account that the address or the caller names."""

    identity: tuple[str, ...] = ()
    address: Address = NOWHERE


NO_ACCESS = Access()


def access(host: Host, address: Address = NOWHERE, identity: str | Sequence[str] | None = None) -> Access:
    """Return how one comes to a remote; keys may lie in the file roots. Raises NotFound, BadArgument."""
    named = [identity] if isinstance(identity, str) else identity or ()
    return Access(tuple(_key(host, one) for one in named), address)


def _key(host: Host, identity: str) -> str:
    if identity.startswith("salt://"):
        found = host.supply.cached(identity)
        if found is None:
            raise NotFound(f"identity: {identity} is not there")
        return found.path
    path = identity.removeprefix("file://")
    if not path.startswith(("/", "~")) or not path.isprintable():
        raise BadArgument(f"identity = {identity!r} is no absolute path")
    if path.startswith("/") and not host.exists(path):
        raise NotFound(f"identity: {path} is not there")
    return path


class Git:
    """Git in a directory, as a user, with access to one remote."""

    def __init__(
        self, host: Host, cwd: str | None = None, user: str | None = None, access: Access = NO_ACCESS
    ) -> None:
        """Take where and as whom git runs; without ``cwd`` in the user's home."""
        self.host = host
        self.cwd = cwd
        self.user = user
        self._access = access

    def run(self, *argv: str, settings: Mapping[str, str] = {}, timeout: float | None = None) -> str:
        """Return what git writes, without white space at its end. Raises CommandFailed with a hint."""
        done = self.ask(*argv, settings=settings, timeout=timeout)
        if done.retcode:
            raise self.failure(argv, done)
        return done.stdout.decode(errors="replace").rstrip()

    def says(self, *argv: str) -> str:
        """Return what git writes; nothing when it fails."""
        done = self.ask(*argv)
        return "" if done.retcode else done.stdout.decode(errors="replace").rstrip()

    def holds(self, *argv: str) -> bool:
        """Tell whether git ends well."""
        return self.ask(*argv).retcode == 0

    def ask(self, *argv: str, settings: Mapping[str, str] = {}, timeout: float | None = None) -> Finished:
        """Run git to its end and return how it ended. Raises NotSupported without git, TimedOut."""
        if self.host.which("git") is None:
            raise NotSupported("the program git is not on this host", hint="pkg.installed: git")
        command = Command(
            argv=("git", *argv),
            cwd=self.cwd,
            env=self._environment(settings),
            user=self.user,
            timeout=timeout,
        )
        done = self.host.execute(command)
        if done.timed_out:
            raise TimedOut(f"git {_verb(argv)} did not end in time")
        return done

    def failure(self, argv: Sequence[str], done: Finished) -> CommandFailed:
        """Return the error that says what git said, without secrets."""
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        if self._access.address.password:
            said = said.replace(self._access.address.password, "***")
        hint = next((hint for part, hint in _HINTS.items() if part in said), "")
        return CommandFailed(
            f"git {_verb(argv)}: {said or f'ended with code {done.retcode}'}", retcode=done.retcode, hint=hint
        )

    def _environment(self, more: Mapping[str, str]) -> dict[str, str | None]:
        made: dict[str, str | None] = {**PLAIN_LOCALE, **dict.fromkeys(_FORGOTTEN)}
        made |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "GIT_OPTIONAL_LOCKS": "0"}
        made |= {"HOME": self.host.user(self.user).home, "GIT_PAGER": "cat", "GIT_EDITOR": "true"}
        if self.cwd is not None:  # a directory that is no repository is not taken for a part of one above
            made["GIT_CEILING_DIRECTORIES"] = posixpath.dirname(posixpath.normpath(self.cwd))
        if self._access.identity:
            made |= {"GIT_SSH_VARIANT": "ssh", "GIT_SSH_COMMAND": _ssh(self._access.identity)}
        pairs = [*_SETTINGS.items(), *more.items(), *self._credentials(made)]
        for number, (name, value) in enumerate(pairs):
            made |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return {**made, "GIT_CONFIG_COUNT": str(len(pairs))}

    def _credentials(self, environment: dict[str, str | None]) -> list[tuple[str, str]]:
        """Put the account into the environment; return the settings by which the one server gets it."""
        from urllib.parse import urlsplit

        address = self._access.address
        if not address.password:
            return []
        environment |= {"SALTERN_GIT_USER": address.username, "SALTERN_GIT_PASSWORD": address.password}
        parts = urlsplit(address.url)
        name = f"credential.{parts.scheme}://{parts.netloc.rpartition('@')[2]}.helper"
        return [("credential.helper", ""), (name, ""), (name, _HELPER)]


def _ssh(keys: Sequence[str]) -> str:
    """Return the ssh that uses these keys alone, and talks to servers only whose keys are known."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20", "ServerAliveInterval=15"]
    options += ["IdentitiesOnly=yes", "PermitLocalCommand=no", "ForwardAgent=no", "ClearAllForwardings=yes"]
    words = [word for option in options for word in ("-o", option)]
    return shlex.join(["ssh", *words, *(word for key in keys for word in ("-i", key))])


def _verb(argv: Sequence[str]) -> str:
    """Return the command among git's words."""
    rest = iter(argv)
    for word in rest:
        if word == "-c":
            next(rest, "")
        elif not word.startswith("-"):
            return word
    return ""
