"""pip and virtual environments for real, with wheels made here: looked at, run, and run again."""

from __future__ import annotations

import itertools
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.version import Version

from saltern.engine.call import call
from saltern.library.pip.states import Installed, Removed
from saltern.library.pip.versions import satisfies, version
from saltern.library.virtualenv import Managed
from saltern.sdk.local import LocalHost
from saltern.testing.real_states import kept, once

VERSIONS = [
    *("1", "1.0", "1.0a1", "1.0b2", "1.0rc1", "1.0.dev1", "1.0a1.dev2", "1.0.post1", "1.0.post1.dev3"),
    *("1.0-2", "1.0+abc", "1.0+1", "1.0+abc.1", "1.1", "1.10", "1.2", "2", "1!0.5", "0.9", "1.0.1"),
    *("1.4.5", "1.4", "1.5"),
]


def wheel(directory: Path, name: str, number: str, needs: str = "") -> Path:
    """Make the wheel of a package with one module."""
    directory.mkdir(exist_ok=True)
    path, info = directory / f"{name}-{number}-py3-none-any.whl", f"{name}-{number}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"version = {number!r}\n")
        archive.writestr(f"{name}/data.txt", "some data\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{requires}"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with an environment and wheels; each test has a copy of it."""
    root = tmp_path_factory.mktemp("pip")
    for number in ("1.0", "1.1", "2.0"):
        wheel(root / "wheels", "alpha", number)
    wheel(root / "wheels", "beta_two", "0.5", "alpha>=1")
    return root


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    home = tmp_path / "home"
    home.mkdir()
    return LocalHost(
        environment={"PATH": os.environ["PATH"], "HOME": str(home), "PIP_CONFIG_FILE": os.devnull}
    )


def result(host: LocalHost, fun: str, *args: Any, **kwargs: Any) -> Any:
    outcome = call(host, fun, args, kwargs)
    assert outcome.error is None, outcome.error
    return json.loads(outcome.data)


def test_a_life_in_an_environment(host: LocalHost, made: Path, tmp_path: Path) -> None:
    venv = str(tmp_path / "venv")
    plain: dict[str, Any] = {"bin_env": venv, "no_index": True, "find_links": str(made / "wheels")}
    around: dict[str, Any] = {
        "no_index": True,
        "find_links": str(made / "wheels"),
        "venv_bin": "venv",
        "python": sys.executable,
    }
    done = kept(host, Managed(name=venv, **around), tmp_path)
    assert done.changes["new"].startswith("Python 3.")
    assert done.comment == "Created new virtualenv"

    done = kept(host, Installed(name="alpha<2", **plain), tmp_path)
    assert done.changes == {"alpha==1.1": "Installed"}
    done = kept(host, Installed(name="Beta.Two", **plain), tmp_path)
    assert done.changes == {"beta_two==0.5": "Installed"}
    listed = tmp_path / "requirements.txt"
    listed.write_text("# ours\nalpha == 1.0  # old\nbeta-two>=0.4\n")
    done = kept(host, Installed(name="x", requirements=str(listed), **plain), tmp_path)
    assert done.changes == {"alpha==1.0": "Installed", "requirements": True}
    listed.write_text("alpha>1.0 ; python_version > '3'\n")
    done = kept(host, Installed(name="x", requirements=str(listed), **plain), tmp_path)
    assert done.changes == {"alpha==2.0": "Installed", "requirements": True}

    absent = once(host, Installed(name="gamma", **plain), tmp_path)
    assert not absent.result
    assert "No matching distribution found for gamma" in absent.comment
    kept(host, Installed(name=str(made / "wheels/alpha-1.0-py3-none-any.whl"), **plain), tmp_path)
    done = kept(host, Installed(name="alpha", upgrade=True, **plain), tmp_path)
    assert done.changes == {"alpha==2.0": "Installed"}
    again = once(host, Installed(name="alpha", force_reinstall=True, **plain), tmp_path)
    assert again.changes == {"alpha": "Installed"}

    assert result(host, "pip.list", "be", bin_env=venv) == {"beta_two": "0.5"}
    assert result(host, "pip.is_installed", "alpha>=2", bin_env=venv) is True
    assert result(host, "pip.is_installed", "alpha<2", bin_env=venv) is False
    assert "alpha==2.0" in result(host, "pip.freeze", bin_env=venv)
    packages = result(host, "virtualenv.get_site_packages", venv)
    assert result(host, "virtualenv.get_distribution_path", venv, "alpha") == packages
    assert result(host, "virtualenv.get_resource_content", venv, "alpha", "data.txt") == "some data\n"
    assert result(host, "pip.uninstall", "beta_two", bin_env=venv)["retcode"] == 0

    source = tmp_path / "source"
    source.mkdir()
    (source / "backend.py").write_text(BACKEND)
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    state = Installed(name="x", editable=[str(source)], bin_env=venv, no_index=True)
    assert kept(host, state, tmp_path).changes == {"delta==3.0": "Installed"}

    done = kept(host, Removed(name="Alpha", bin_env=venv), tmp_path)
    assert done.changes == {"alpha": "Removed"}
    kept(host, Managed(name=venv, pip_pkgs=["alpha", "beta_two"], **around), tmp_path)
    assert set(result(host, "pip.list", bin_env=venv)) >= {"alpha", "beta_two"}
    cleared = once(host, Managed(name=venv, clear=True, **around), tmp_path)
    assert "alpha==2.0" in cleared.changes["cleared_packages"]
    assert "alpha" not in result(host, "pip.list", bin_env=venv)


#: Builds a package of sources that are used where they lie, without any tool.
BACKEND = """
import os, zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "delta-3.0-py3-none-any.whl"
    info = "delta-3.0.dist-info"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        archive.writestr("delta.pth", os.getcwd())
        archive.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: delta\\nVersion: 3.0\\n")
        archive.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "/RECORD", "")
    return name

def build_wheel(*args, **kwargs):
    raise NotImplementedError
"""


def test_versions_are_ordered_as_pip_orders_them() -> None:
    for one, other in itertools.product(VERSIONS, VERSIONS):
        assert (version(one) < version(other)) is (Version(one) < Version(other)), (one, other)
        assert (version(one) == version(other)) is (Version(one) == Version(other)), (one, other)


@pytest.mark.parametrize("sign", ["==", "!=", "<", ">", "<=", ">=", "~="])
def test_versions_are_allowed_as_pip_allows_them(sign: str) -> None:
    tried = 0
    for bound, suffix in itertools.product(VERSIONS, ("", ".*")):
        try:
            expected = Specifier(f"{sign}{bound}{suffix}")
        except InvalidSpecifier:
            continue
        for one in VERSIONS:
            tried += 1
            right = expected.contains(one, prereleases=True)
            assert satisfies(one, ((sign, f"{bound}{suffix}"),)) is right, (one, sign, bound, suffix)
    assert tried > 100
