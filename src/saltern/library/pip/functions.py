"""The functions of ``pip``."""

from __future__ import annotations

from typing import Any

from saltern.library._tool import checked, environment
from saltern.library.pip import program
from saltern.library.pip.program import LOOKING, Names, Options
from saltern.library.pip.versions import sorted_versions
from saltern.library.pip.wanted import normalized
from saltern.library.pip.wanted import wanted as parsed
from saltern.sdk import Finished, Host, takes


def list_(
    host: Host,
    prefix: str | None = None,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    env_vars: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Return what is installed, ``{name: version}``; with ``prefix`` what begins with it.

    ``bin_env`` is a virtual environment, a python or a pip; the system's by default.

    Example:
        saltern run '*' pip.list bin_env=/srv/app/venv
    """
    pip = program.tool(host, bin_env, user, cwd, environment(env_vars))
    start = normalized(prefix or "")
    found = program.packages(host, pip)
    return {name: found[name] for name in sorted(found) if normalized(name).startswith(start)}


def freeze(
    host: Host,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    env_vars: dict[str, Any] | None = None,
) -> list[str]:
    """Return what is installed as a file of requirements would have it, line by line.

    Example:
        saltern run '*' pip.freeze bin_env=/srv/app/venv
    """
    pip = program.tool(host, bin_env, user, cwd, environment(env_vars))
    return pip.run(host, "freeze", env=LOOKING).splitlines()


def version(host: Host, bin_env: str | None = None, cwd: str | None = None, user: str | None = None) -> str:
    """Return the version of pip itself.

    Example:
        saltern run '*' pip.version
    """
    words = program.tool(host, bin_env, user, cwd).run(host, "--version", env=LOOKING).split()
    return words[1] if len(words) > 1 else ""


def is_installed(
    host: Host,
    pkgname: str,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
) -> bool:
    """Tell whether a package is installed, in a version that is asked for (``name>=2``) if one is.

    Example:
        saltern run '*' pip.is_installed 'requests>=2,<3'
    """
    wanted = parsed(pkgname)
    return wanted.is_met(program.by_normalized(list_(host, None, bin_env, user, cwd)))


def list_upgrades(
    host: Host, bin_env: str | None = None, user: str | None = None, cwd: str | None = None
) -> dict[str, str]:
    """Return what is newer at the index, ``{name: version}``.

    Example:
        saltern run '*' pip.list_upgrades bin_env=/srv/app/venv
    """
    found = program.described(host, program.tool(host, bin_env, user, cwd), "--outdated")
    return {one["name"]: one["latest_version"] for one in found}


def upgrade_available(
    host: Host, pkg: str, bin_env: str | None = None, user: str | None = None, cwd: str | None = None
) -> bool:
    """Tell whether the index has a newer version of a package.

    Example:
        saltern run '*' pip.upgrade_available requests
    """
    found = list_upgrades(host, bin_env, user, cwd)
    return normalized(checked(pkg)) in map(normalized, found)


def upgrade(
    host: Host, bin_env: str | None = None, user: str | None = None, cwd: str | None = None
) -> dict[str, dict[str, str]]:
    """Bring all packages to the newest version; return ``{name: {old, new}}``. Raises CommandFailed.

    Example:
        saltern run '*' pip.upgrade bin_env=/srv/app/venv
    """
    names = sorted(list_upgrades(host, bin_env, user, cwd))
    pip = program.tool(host, bin_env, user, cwd)
    before = program.packages(host, pip)
    if names:
        pip.run(host, "install", "--upgrade", "--", *names)
    return changed(before, program.packages(host, pip))


def changed(before: dict[str, str], after: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return ``{name: {old, new}}`` of what differs; what is not there has an empty version."""
    return {
        name: {"old": before.get(name, ""), "new": after.get(name, "")}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


@takes(Options)
def install(
    host: Host,
    pkgs: Names | None = None,
    requirements: str | None = None,
    bin_env: str | None = None,
    editable: Names | None = None,
    user: str | None = None,
    cwd: str | None = None,
    saltenv: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Install packages; return ``{pid, retcode, stdout, stderr}``, and fail with pip.

    ``pkgs`` are names (``name==1.2``, ``name>=1,<2``), addresses or paths; ``requirements`` is a file that
    lists such, ``editable`` names sources to be used where they lie. Raises BadArgument.

    Example:
        saltern run '*' pip.install 'requests>=2,<3' bin_env=/srv/app/venv
    """
    how = Options(**options)
    pip = program.tool(host, bin_env, user, cwd, how.surroundings())
    names = [parsed(one).text for one in program.named(pkgs)]
    edited = [f"--editable={checked(one)}" for one in program.named(editable)]
    with program.requirements(host, requirements, user, saltenv) as listed:
        done = pip.ends(
            host, "install", *how.arguments(), *edited, *listed, *(["--", *names] if names else [])
        )
    return _told(host, done)


def uninstall(
    host: Host,
    pkgs: Names | None = None,
    requirements: str | None = None,
    bin_env: str | None = None,
    log: str | None = None,
    timeout: float | None = None,
    user: str | None = None,
    cwd: str | None = None,
    saltenv: str | None = None,
    extra_args: list[str | dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Remove packages; return ``{pid, retcode, stdout, stderr}``, and fail with pip.

    Example:
        saltern run '*' pip.uninstall requests bin_env=/srv/app/venv
    """
    how = Options(log=log, timeout=timeout, extra_args=extra_args)
    pip = program.tool(host, bin_env, user, cwd)
    names = program.named(pkgs)
    with program.requirements(host, requirements, user, saltenv) as listed:
        words = [*how.arguments(), *listed, *(["--", *names] if names else [])]
        done = pip.ends(host, "uninstall", "--yes", *words)
    return _told(host, done)


def _told(host: Host, done: Finished) -> dict[str, Any]:
    host.fail(done.retcode)
    out, err = (data.decode(errors="replace").rstrip() for data in (done.stdout, done.stderr))
    return {"pid": done.pid, "retcode": done.retcode, "stdout": out, "stderr": err}


def list_all_versions(
    host: Host,
    pkg: str,
    bin_env: str | None = None,
    include_alpha: bool = False,
    include_beta: bool = False,
    include_rc: bool = False,
    user: str | None = None,
    cwd: str | None = None,
    index_url: str | None = None,
    extra_index_url: str | None = None,
) -> list[str]:
    """Return the versions of a package that the index has, oldest first. Needs pip 21.2 or newer.

    Example:
        saltern run '*' pip.list_all_versions requests
    """
    how = Options(index_url=index_url, extra_index_url=extra_index_url)
    pip = program.tool(host, bin_env, user, cwd, how.surroundings())
    pre = ["--pre"] if include_alpha or include_beta or include_rc else []
    said = pip.run(host, "index", "versions", *pre, checked(pkg), env=LOOKING)
    (line,) = [one for one in said.splitlines() if one.startswith("Available versions:")][:1] or [":"]
    found = [one.strip() for one in line.partition(":")[2].split(",") if one.strip()]
    left = {"a": include_alpha, "b": include_beta, "rc": include_rc}
    return sorted_versions([one for one in found if _is_included(one, left)])


def _is_included(version: str, included: dict[str, bool]) -> bool:
    return all(wanted or stage not in version for stage, wanted in included.items()) and "dev" not in version


def normalize(host: Host, name: str) -> str:
    """Return a package's name as all its spellings have it.

    Example:
        saltern run '*' pip.normalize Zope.Interface
    """
    return normalized(name)
