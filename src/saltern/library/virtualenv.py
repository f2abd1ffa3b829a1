"""Virtual environments of Python: made by venv or by the program virtualenv, and filled by pip."""

from __future__ import annotations

import json
import posixpath
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from saltern.library._tool import Tool, environment, listed
from saltern.library.pip import program
from saltern.library.pip.program import LOOKING, Names
from saltern.library.pip.states import Installed
from saltern.sdk import (
    BadArgument,
    Changes,
    Conflict,
    Done,
    Host,
    Moment,
    NotFound,
    NotSupported,
    State,
    takes,
)

#: How venv, which comes with Python, may be written.
_OF_PYTHON = ("venv", "pyvenv")
_PLACES = "import json, sysconfig; print(json.dumps(sysconfig.get_paths()))"
_LOCATED = "import sys, importlib.metadata as m; print(m.distribution(sys.argv[1]).locate_file('').resolve())"
_RESOURCE = "import sys, importlib.resources as r; print(r.files(sys.argv[1]).joinpath(sys.argv[2]))"


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """How an environment is made."""

    venv_bin: Annotated[str | None, Meta(description="venv, or virtualenv's path; virtualenv if there")] = (
        None
    )
    system_site_packages: Annotated[bool, Meta(description="see the system's packages too")] = False
    clear: Annotated[bool, Meta(description="empty it first")] = False
    python: Annotated[str | None, Meta(description="the python to use")] = None
    extra_search_dir: Annotated[Names | None, Meta(description="where virtualenv finds wheels")] = None
    never_download: Annotated[bool, Meta(description="virtualenv fetches nothing")] = False
    prompt: Annotated[str | None, Meta(description="what the shell shows")] = None
    symlinks: Annotated[bool | None, Meta(description="venv: link to the python")] = None
    upgrade: Annotated[bool, Meta(description="venv: to the python that runs it")] = False
    env_vars: Annotated[dict[str, Any] | None, Meta(description="laid over the environment")] = None


@takes(Making)
def create(host: Host, path: str, user: str | None = None, **options: Any) -> dict[str, Any]:
    """Make a virtual environment; return ``{pid, retcode, stdout, stderr}``, and fail with the program.

    Example:
        saltern run '*' virtualenv.create /srv/app/venv user=app
    """
    done = _tool(host, Making(**options), user).ends(
        host, *_arguments(host, Making(**options)), _checked(path)
    )
    host.fail(done.retcode)
    out, err = (data.decode(errors="replace").rstrip() for data in (done.stdout, done.stderr))
    return {"pid": done.pid, "retcode": done.retcode, "stdout": out, "stderr": err}


def virtualenv_ver(host: Host, venv_bin: str = "virtualenv", user: str | None = None) -> str:
    """Return the version of the program virtualenv. Raises NotFound.

    Example:
        saltern run '*' virtualenv.virtualenv_ver
    """
    words = Tool(argv=(venv_bin,), user=user).run(host, "--version", env=LOOKING).split()
    return next((word for word in words if word[0].isdigit()), "")


def get_site_packages(host: Host, venv: str) -> str:
    """Return the directory of an environment's packages. Raises NotFound.

    Example:
        saltern run '*' virtualenv.get_site_packages /srv/app/venv
    """
    found: str = json.loads(_asked(host, venv, _PLACES))["purelib"]
    return found


def get_distribution_path(host: Host, venv: str, distribution: str) -> str:
    """Return the directory that an installed package lies in. Raises NotFound, CommandFailed.

    Example:
        saltern run '*' virtualenv.get_distribution_path /srv/app/venv flask
    """
    return _asked(host, venv, _LOCATED, distribution).strip()


def get_resource_path(host: Host, venv: str, package: str, resource: str) -> str:
    """Return the path of a file within an installed package. Raises NotFound, CommandFailed.

    Example:
        saltern run '*' virtualenv.get_resource_path /srv/app/venv flask app.py
    """
    return _asked(host, venv, _RESOURCE, package, resource).strip()


def get_resource_content(host: Host, venv: str, package: str, resource: str) -> str:
    """Return what a file within an installed package holds. Raises NotFound, CommandFailed.

    Example:
        saltern run '*' virtualenv.get_resource_content /srv/app/venv flask app.py
    """
    return host.text(get_resource_path(host, venv, package, resource))


class Managed(State, frozen=True, kw_only=True):
    """Keep a virtual environment in the directory ``name``, with packages in it.

    ``requirements`` is a file that lists packages, ``pip_pkgs`` names some. ``clear`` empties it each time.

    Example:
        - virtualenv.managed: {name: /srv/app/venv, requirements: /srv/app/requirements.txt, user: app}
    """

    venv_bin: str | None = None
    requirements: str | None = None
    system_site_packages: bool = False
    clear: bool = False
    python: str | None = None
    extra_search_dir: Names | None = None
    never_download: bool = False
    prompt: str | None = None
    user: str | None = None
    cwd: str | None = None
    index_url: str | None = None
    extra_index_url: Names | None = None
    find_links: Names | None = None
    no_index: bool = False
    pre_releases: bool = False
    no_deps: bool = False
    pip_exists_action: str | None = None
    pip_ignore_installed: bool = False
    pip_upgrade: bool = False
    pip_pkgs: list[str] | None = None
    pip_no_cache_dir: bool = False
    pip_cache_dir: str | None = None
    no_binary: Names | None = None
    proxy: str | None = None
    env_vars: dict[str, Any] | None = None

    LOOKS_AGAIN: ClassVar[bool] = False

    @property
    def _making(self) -> Making:
        shared = {*Making.__struct_fields__} & {*self.__struct_fields__}
        return Making(**{name: getattr(self, name) for name in shared})

    def _contents(self) -> list[Installed]:
        """Return the states that fill it."""
        around: dict[str, Any] = {
            "bin_env": self.name,
            "user": self.user,
            "cwd": self.cwd,
            "index_url": self.index_url,
            "extra_index_url": self.extra_index_url,
            "find_links": self.find_links,
            "no_index": self.no_index,
            "pre_releases": self.pre_releases,
            "no_deps": self.no_deps,
            "exists_action": self.pip_exists_action,
            "ignore_installed": self.pip_ignore_installed,
            "upgrade": self.pip_upgrade,
            "no_cache_dir": self.pip_no_cache_dir,
            "cache_dir": self.pip_cache_dir,
            "no_binary": self.no_binary,
            "proxy": self.proxy,
            "env_vars": self.env_vars,
        }
        wanted: list[dict[str, Any]] = []
        wanted += [{"requirements": self.requirements}] if self.requirements else []
        wanted += [{"pkgs": self.pip_pkgs}] if self.pip_pkgs else []
        return [Installed(name=self.name, **around, **one) for one in wanted]

    def check(self, host: Host) -> Changes:
        """Return ``{new}``, ``{cleared_packages, old}`` and ``{packages}``. Raises Conflict, NotFound."""
        is_there = _is_environment(host, self.name)
        if is_there and not self.clear:
            return self._look_inside(host)
        if is_there:
            have = _frozen(host, self.name, self.user)
            found: dict[str, Any] = {
                "cleared_packages": have,
                "old": _python_version(host, self.name, self.user),
            }
            return Changes(found, comment=f"Virtualenv {self.name} is set to be cleared")
        _refuse_a_file(host, self.name)
        inside = "its packages are known when it has been made" if self._contents() else ""
        making = self._making
        what = (
            _tool(host, making, self.user).argv[0] if _uses_venv(host, making) else making.python or "python3"
        )
        new = Tool(argv=(what,), user=self.user).run(host, "--version", env=LOOKING).strip()
        return Changes({"new": new}, unknown=inside, comment=f"Virtualenv {self.name} is set to be created")

    def _look_inside(self, host: Host) -> Changes:
        found = [one.check(host) for one in self._contents()]
        new = [name for one in found for name in one]
        unknown = next((one.unknown for one in found if one.unknown), "")
        would = f"Virtualenv {self.name} is set to get packages" if new or unknown else ""
        return Changes({"packages": {"new": new}} if new else {}, unknown=unknown, comment=would)

    def apply(self, host: Host, changes: Changes) -> Done:
        """Make it and fill it. Raises CommandFailed."""
        done = {name: value for name, value in changes.items() if name != "packages"}
        if done:
            tool = _tool(host, self._making, self.user, self.cwd)
            tool.run(host, *_arguments(host, self._making), self.name)
        before = _frozen(host, self.name, self.user) if self._contents() else []
        failed = [said for one in self._contents() if (said := _filled(host, one))]
        after = _frozen(host, self.name, self.user) if self._contents() else []
        if before != after:
            new, old = ([x for x in a if x not in b] for a, b in ((after, before), (before, after)))
            done["packages"] = {"new": new, "old": old}
        said = (
            "Created new virtualenv" if "new" in done else "Cleared existing virtualenv" if self.clear else ""
        )
        comment = "\n".join([*failed] or [said or "virtualenv exists"])
        return Done(ok=not failed, changes=done, comment=comment)

    def says(self, changes: Changes, moment: Moment) -> str:
        """Return Salt's words."""
        return "virtualenv exists"


def _filled(host: Host, state: Installed) -> str:
    """Install what is missing; return what went wrong, nothing when all is well."""
    changes = state.check(host)
    done = state.apply(host, changes) if changes else Done()
    return "" if done.ok else done.comment


def _uses_venv(host: Host, how: Making) -> bool:
    return how.venv_bin in _OF_PYTHON or (how.venv_bin is None and host.which("virtualenv") is None)


def _tool(host: Host, how: Making, user: str | None, cwd: str | None = None) -> Tool:
    """Return the program that makes environments. Raises NotSupported."""
    env = environment(how.env_vars)
    if not _uses_venv(host, how):
        return Tool(argv=(how.venv_bin or "virtualenv",), user=user, cwd=cwd, env=env)
    python = how.python or "python3"
    if host.which(python) is None:
        raise NotSupported(f"there is no {python} on this host", hint="pkg.installed: {name: python3-venv}")
    return Tool(argv=(python, "-m", "venv"), user=user, cwd=cwd, env=env)


def _arguments(host: Host, how: Making) -> list[str]:
    """Return the options in the program's words. Raises BadArgument for one it has not."""
    uses_venv = _uses_venv(host, how)
    if uses_venv and (how.extra_search_dir or how.never_download):
        raise BadArgument(
            "extra_search_dir and never_download are virtualenv's", hint="- venv_bin: virtualenv"
        )
    if not uses_venv and (how.upgrade or how.symlinks is not None):
        raise BadArgument("upgrade and symlinks are venv's", hint="- venv_bin: venv")
    said = [f"--prompt={how.prompt}"] if how.prompt else []
    flags = {"--system-site-packages": how.system_site_packages, "--clear": how.clear}
    flags |= {"--upgrade": how.upgrade, "--symlinks": how.symlinks is True, "--copies": how.symlinks is False}
    flags |= {"--no-download": how.never_download}
    said += [name for name, wanted in flags.items() if wanted]
    said += [f"--extra-search-dir={one}" for one in listed(how.extra_search_dir)]
    return said + ([f"--python={how.python}"] if how.python and not uses_venv else [])


def _checked(path: str) -> str:
    if not path.startswith("/") or not path.isprintable():
        raise BadArgument(f"{path!r} is no absolute path", hint="write /srv/app/venv")
    return path


def _is_environment(host: Host, path: str) -> bool:
    return host.exists(f"{_checked(path)}/bin/python")


def _refuse_a_file(host: Host, path: str) -> None:
    found = host.stat(path)
    if found is not None and found.kind != "directory":
        raise Conflict(f"{path}: a {found.kind}, where a virtual environment shall be")


def _python(host: Host, venv: str) -> str:
    if not _is_environment(host, venv):
        raise NotFound(f"{venv} is no virtual environment", hint="virtualenv.create makes one")
    return posixpath.join(venv, "bin/python")


def _python_version(host: Host, venv: str, user: str | None) -> str:
    return Tool(argv=(_python(host, venv),), user=user).run(host, "--version", env=LOOKING).strip()


def _frozen(host: Host, venv: str, user: str | None) -> list[str]:
    return program.tool(host, venv, user).run(host, "freeze", env=LOOKING).splitlines()


def _asked(host: Host, venv: str, code: str, *args: str) -> str:
    return Tool(argv=(_python(host, venv),)).run(host, "-c", code, *args, env=LOOKING)
