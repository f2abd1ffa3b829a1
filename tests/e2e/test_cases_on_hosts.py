"""Every case under ``cases/<noun>/``: states on a real Debian host, looked at, run, and run again.

A noun's cases share one host, in the order of their names, so each uses names of its own::

    given:                       # done in this order
      packages: [nginx]
      files: {/etc/x: "text"}
      commands: ["useradd old"]
    tree: {app/x.conf: "…"}      # what salt:// holds, beside the SLS
    pillar: {…}
    sls: {motd: {file.managed: [{name: /etc/motd}, {contents: hello}]}}
    then:
      fails: {id: "a part of the comment"}
      unchanged: [id]            # nothing to do even at first; all others must change something
      always: [id]               # does something each time
      comments: {id: "a part"}
      changes: {id: {diff: …}}   # all of them
      commands: {"cat /etc/motd": hello, "id app": "~gid=7"}   # whole output, or ~ and a regular expression
      calls: [{fun: service.status, args: [cron], gives: true}]
      hidden: [secret]           # is in no result

``saltern.testing.lab_sweep`` does it: a dry run that leaves the host as it was, byte for byte; a run; a
second run without changes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.testing.lab import LabHost
from saltern.testing.lab_host import NoPackages
from saltern.testing.lab_sweep import read_case, try_case

HERE = Path(__file__).parent / "cases"
CASES = sorted(HERE.glob("*/*.yaml"))

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("path", CASES, ids=[str(path.relative_to(HERE)) for path in CASES])
def test_on_a_real_host(path: Path, host_of: Callable[[str], LabHost]) -> None:
    try:
        try_case(host_of(path.parent.name.replace("_", "-")), read_case(path))
    except NoPackages as error:
        pytest.skip(f"no packages for lab hosts here: {error}")
