"""Augeas for real: a file looked at, changed, and found as it shall be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from saltern.engine.door import PLAIN, Looking, Mending
from saltern.engine.ensure import ensure
from saltern.engine.result import Result
from saltern.library.augeas import Change
from saltern.sdk.local import LocalHost

pytestmark = pytest.mark.skipif(shutil.which("augtool") is None, reason="augtool is not on this machine")


def kept(host: LocalHost, state: Change) -> Result:
    return ensure(state, Looking(host), Mending(host, PLAIN, None, lambda _: None, lambda _: None))


def test_a_file_is_changed_once(tmp_path: Path) -> None:
    host, file = LocalHost(environment={"PATH": os.environ["PATH"]}), tmp_path / "hosts"
    file.write_text("# ours\n127.0.0.1 localhost\n")

    def state(*changes: str) -> Change:
        return Change(name="x", context=f"/files{file}", lens="hosts", changes=list(changes))

    looked = ensure(state("set 1/canonical here"), Looking(host), None)
    assert looked.changes == {str(file): "changed"}
    assert file.read_text() == "# ours\n127.0.0.1 localhost\n"
    done = kept(host, state("set 1/canonical here"))
    assert done.result, done
    assert "+127.0.0.1 here" in done.changes["diff"]
    assert file.read_text() == "# ours\n127.0.0.1 here\n"
    assert not kept(host, state("set 1/canonical here")).changes
    refused = kept(host, state("set 1/nope here"))
    assert not refused.result
    assert "saving failed" in refused.comment
    assert file.read_text() == "# ours\n127.0.0.1 here\n"
    assert os.listdir(tmp_path) == ["hosts"]
