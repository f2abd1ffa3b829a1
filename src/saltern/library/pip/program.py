"""The program pip: which one, what it is told, and what it says is installed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from saltern.library._tool import Tool, checked, environment, listed
from saltern.library.pip.wanted import normalized
from saltern.sdk import BadArgument, Host, NotFound, NotSupported

#: What looking must not leave behind: compiled modules, a cache of wheels.
LOOKING = {"PYTHONDONTWRITEBYTECODE": "1", "PIP_NO_CACHE_DIR": "1"}
_QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_NO_COLOR": "1"}
_EXISTS = {"s": "s", "i": "i", "w": "w", "b": "b", "a": "a"}

Names = str | list[str]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What installing takes."""

    index_url: Annotated[str | None, Meta(description="where packages are looked for")] = None
    extra_index_url: Annotated[Names | None, Meta(description="further such places")] = None
    no_index: Annotated[bool, Meta(description="look at find_links alone")] = False
    find_links: Annotated[Names | None, Meta(description="directories and pages with packages")] = None
    trusted_host: Annotated[Names | None, Meta(description="servers whose certificate is not checked")] = None
    proxy: Annotated[str | None, Meta(description="http://user:password@server:port")] = None
    cert: Annotated[str | None, Meta(description="a file of certificates to trust")] = None
    timeout: Annotated[float | None, Meta(description="seconds a server may be silent")] = None
    log: Annotated[str | None, Meta(description="a file that pip appends what it does to")] = None
    target: Annotated[str | None, Meta(description="install into this directory")] = None
    upgrade: Annotated[bool, Meta(description="to the newest version allowed")] = False
    force_reinstall: Annotated[bool, Meta(description="anew, though it is there")] = False
    ignore_installed: Annotated[bool, Meta(description="as if nothing were there")] = False
    exists_action: Annotated[str | None, Meta(description="s, i, w, b or a: when a path exists")] = None
    no_deps: Annotated[bool, Meta(description="without what they need")] = False
    pre_releases: Annotated[bool, Meta(description="also versions not yet finished")] = False
    no_cache_dir: Annotated[bool, Meta(description="keep no copy of what is fetched")] = False
    cache_dir: Annotated[str | None, Meta(description="keep copies there")] = None
    no_binary: Annotated[Names | None, Meta(description="build these, or :all:, from source")] = None
    global_options: Annotated[Names | None, Meta(description="for the setup of packages")] = None
    extra_args: Annotated[
        list[str | dict[str, Any]] | None,
        Meta(description="further options, such as --break-system-packages"),
    ] = None
    env_vars: Annotated[dict[str, Any] | None, Meta(description="laid over the environment")] = None

    def arguments(self) -> list[str]:
        """Return the options in pip's words, those that hold no address. Raises BadArgument."""
        if self.exists_action is not None and self.exists_action not in _EXISTS:
            raise BadArgument(f"exists_action = {self.exists_action!r} is none of s, i, w, b, a")
        flags = {
            "--no-index": self.no_index,
            "--upgrade": self.upgrade,
            "--force-reinstall": self.force_reinstall,
            "--ignore-installed": self.ignore_installed,
            "--no-deps": self.no_deps,
            "--pre": self.pre_releases,
            "--no-cache-dir": self.no_cache_dir,
        }
        values = {
            "--cert": self.cert,
            "--timeout": None if self.timeout is None else f"{self.timeout:g}",
            "--log": self.log,
            "--target": self.target,
            "--exists-action": self.exists_action,
            "--cache-dir": self.cache_dir,
            "--no-binary": ",".join(listed(self.no_binary)) or None,
        }
        said = [name for name, given in flags.items() if given]
        said += [f"{name}={value}" for name, value in values.items() if value is not None]
        said += [f"--global-option={one}" for one in listed(self.global_options)]
        return [*said, *self._extra()]

    def _extra(self) -> list[str]:
        """Return ``extra_args``: options alone, or ``{option: value}``."""
        found: list[str] = []
        for one in self.extra_args or ():
            found += [one] if isinstance(one, str) else [f"{name}={value}" for name, value in one.items()]
        for word in found:
            if not word.startswith("-") or not word.isprintable():
                raise BadArgument(
                    f"extra_args: {word!r} is no option of pip", hint="- extra_args: ['--no-color']"
                )
        return found

    def surroundings(self) -> dict[str, str | None]:
        """Return the environment: addresses, which may hold a password, are seen by nobody there."""
        given = {
            "PIP_INDEX_URL": self.index_url,
            "PIP_EXTRA_INDEX_URL": " ".join(listed(self.extra_index_url)) or None,
            "PIP_FIND_LINKS": " ".join(listed(self.find_links)) or None,
            "PIP_TRUSTED_HOST": " ".join(listed(self.trusted_host)) or None,
            "PIP_PROXY": self.proxy,
        }
        return {**{name: value for name, value in given.items() if value}, **environment(self.env_vars)}


def tool(
    host: Host,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    env: dict[str, str | None] | None = None,
) -> Tool:
    """Return the pip of a virtual environment, the one that a path names, or the system's.

    Raises NotFound, NotSupported.
    """
    return Tool(argv=_argv(host, bin_env), user=user, cwd=cwd, env={**_QUIET, **(env or {})})


def _argv(host: Host, bin_env: str | None) -> tuple[str, ...]:
    if bin_env is None:
        return _of_system(host)
    found = host.stat(bin_env)
    if found is not None and found.kind == "directory":
        path = f"{bin_env.rstrip('/')}/bin/python"
        if not host.exists(path):
            raise NotFound(
                f"bin_env: {bin_env} is no virtual environment", hint="virtualenv.managed makes one"
            )
        return (path, "-m", "pip")
    if found is None:
        raise NotFound(f"bin_env: {bin_env} is not there", hint="virtualenv.managed makes one")
    is_python = bin_env.rpartition("/")[2].startswith(("python", "pypy"))
    return (bin_env, "-m", "pip") if is_python else (bin_env,)


def _of_system(host: Host) -> tuple[str, ...]:
    for program in ("pip3", "pip"):
        if host.which(program):
            return (program,)
    if host.which("python3"):
        return ("python3", "-m", "pip")
    raise NotSupported("there is no pip on this host", hint="pkg.installed: {name: python3-pip}")


def packages(host: Host, pip: Tool, *args: str) -> dict[str, str]:
    """Return what is installed: names, as pip writes them, with versions. Raises CommandFailed."""
    return {one["name"]: one["version"] for one in described(host, pip, *args)}


def described(host: Host, pip: Tool, *args: str) -> list[dict[str, str]]:
    """Return all that pip tells of what is installed. Raises CommandFailed."""
    told: list[dict[str, str]] = answer(pip.run(host, "list", "--format=json", *args, env=LOOKING))
    return told


def answer(text: str) -> Any:
    """Return the JSON that pip wrote. Raises NotSupported for a pip that writes something else."""
    try:
        return json.loads(text)
    except ValueError:
        raise NotSupported(
            f"pip's answer is not understood: {text[:200]!r}", hint="is it older than 9?"
        ) from None


def by_normalized(found: dict[str, str]) -> dict[str, str]:
    """Return packages by the names that all spellings share."""
    return {normalized(name): version for name, version in found.items()}


def named(given: Names | None) -> list[str]:
    """Return packages: a list, or a text in which commas part them unless they part versions of one."""
    if not isinstance(given, str):
        return [checked(one) for one in given or ()]
    parts: list[str] = []
    for word in (one.strip() for one in given.split(",")):
        if parts and word[:1] in "<>=!~":
            parts[-1] += f",{word}"
        elif word:
            parts.append(checked(word))
    return parts


@contextmanager
def requirements(host: Host, given: str | None, user: str | None, saltenv: str | None) -> Iterator[list[str]]:
    """Yield pip's words for a file of requirements; one of the file roots is laid down for the while."""
    if given is None or not given.startswith("salt://"):
        yield ["--requirement", checked(given, "file")] if given else []
        return
    path = f"{host.environment.get('TMPDIR') or '/tmp'}/saltern-{secrets.token_hex(12)}.txt"  # noqa: S108
    host.write(path, content(host, given, saltenv).encode(), 0o600, host.user(user) if user else None)
    try:
        yield ["--requirement", path]
    finally:
        host.remove(path)


def content(host: Host, given: str, saltenv: str | None) -> str:
    """Return what a file of requirements holds. Raises NotFound."""
    if not given.startswith("salt://"):
        return host.text(given)
    cached = host.supply.cached(given, saltenv)
    if cached is None:
        raise NotFound(f"requirements: {given} is not there")
    return host.text(cached.path)
