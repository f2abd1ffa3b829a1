"""npm and gem for real, with packages made here: looked at, run, and run again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from saltern.library import gem, npm
from saltern.sdk.local import LocalHost
from saltern.testing.real_states import kept, once

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the program npm is not on this machine")
needs_gem = pytest.mark.skipif(shutil.which("gem") is None, reason="the program gem is not on this machine")


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    home = tmp_path / "home"
    (home / "gems").mkdir(parents=True)
    around = {"PATH": os.environ["PATH"], "HOME": str(home), "GEM_HOME": str(home / "gems")}
    return LocalHost(environment=around | {"npm_config_offline": "true", "npm_config_logs_max": "0"})


@needs_npm
def test_packages_of_node(host: LocalHost, tmp_path: Path) -> None:
    app, source = tmp_path / "app", tmp_path / "alpha"
    for directory in (app, source):
        directory.mkdir()
    (source / "package.json").write_text('{"name": "alpha", "version": "1.2.3", "license": "MIT"}')
    (app / "package.json").write_text('{"name": "app", "version": "1.0.0", "private": true}')
    subprocess.run(["npm", "pack", "--silent", "--pack-destination", tmp_path], cwd=source, check=True)
    archive = str(tmp_path / "alpha-1.2.3.tgz")

    done = kept(host, npm.Installed(name=archive, dir=str(app)), app)
    assert done.changes == {"old": [], "new": [archive]}
    assert not kept(host, npm.Installed(name="alpha@1.2", dir=str(app)), app).changes
    assert npm.list_(host, dir=str(app))["alpha"]["version"] == "1.2.3"
    assert not once(host, npm.Installed(name="alpha@2.0.0", dir=str(app)), app).result
    shutil.rmtree(app / "node_modules")
    assert set(kept(host, npm.Bootstrap(name=str(app)), app).changes) == {"alpha"}
    assert kept(host, npm.Removed(name="alpha", dir=str(app)), app).changes == {"alpha": "Removed"}
    assert npm.list_(host, dir=str(app)) == {}


@needs_gem
def test_gems(host: LocalHost, tmp_path: Path) -> None:
    source, gems = tmp_path / "source", tmp_path / "home/gems"
    source.mkdir()
    for number in ("1.0", "1.1"):
        (source / "alpha.gemspec").write_text(
            f'Gem::Specification.new do |s| s.name, s.version, s.summary = "alpha", "{number}", "x"\n'
            's.authors = ["x"]; s.files = [] end\n'
        )
        subprocess.run(
            ["gem", "build", "--silent", "alpha.gemspec"], cwd=source, check=True, capture_output=True
        )
    (source / "gems").mkdir()
    for one in source.glob("*.gem"):
        one.rename(source / "gems" / one.name)
    subprocess.run(["gem", "generate_index", "--silent"], cwd=source, check=True, capture_output=True)
    around: dict[str, Any] = {"source": f"file://{source}/"}

    done = kept(host, gem.Installed(name="alpha", version="1.0", **around), gems)
    assert (done.changes, done.comment) == ({"alpha": "Installed"}, "Gem was successfully installed")
    kept(host, gem.Installed(name="alpha", version="> 1.0", **around), gems)
    assert gem.list_(host, "alpha") == {"alpha": ["1.1", "1.0"]}
    assert not kept(host, gem.Installed(name="alpha", version="~> 1.0"), gems).changes
    assert not once(host, gem.Installed(name="gamma", **around), gems).result
    kept(host, gem.SourcesAdd(name=around["source"]), gems)
    assert around["source"] in gem.sources_list(host)
    kept(host, gem.SourcesRemove(name=around["source"]), gems)
    assert kept(host, gem.Removed(name="alpha"), gems).changes == {"alpha": "Removed"}
    assert json.dumps(gem.list_(host, "alpha")) == "{}"
