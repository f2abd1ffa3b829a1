"""Credentials: renewed in time; and on the API, who the kernel says is asking."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = pytest.mark.integration


def test_a_credential_is_renewed_at_half_life_and_work_goes_on_past_its_end(tmp_path: Path) -> None:
    with Site(tmp_path / "site", enrolment={"credential_lifetime": "8s"}) as site:
        (agent,) = site.add("a")
        first = agent.identity.credential()
        renewed = site.wait_for(
            lambda: now if (now := agent.identity.credential()).jwt != first.jwt else None, "it is renewed"
        )
        assert first.half_life() <= renewed.issued < first.expires
        jid = site.start_job("a", "test.sleep", 8)
        site.wait_for(lambda: time.time() > first.expires + 2, "the first one is over")
        assert site.wait_return(jid, "a").status is Status.OK
        site.wait_online("a")
        done = site.wait_for(
            lambda: site.run("a", "test.ping").statuses() == {"a": Status.OK}, "it works with the new one"
        )
        assert done


_ASK = """
import sys
from pathlib import Path
from saltern.cli.client import ApiError, Client
from saltern.api.replies import JobTargets
import msgspec
client = Client(Path(sys.argv[1]))
for method, path, body in (
    ("GET", "/v1/agents", None), ("GET", "/v1/keys", None), ("GET", "/v1/events", None),
    ("GET", "/v1/status", None),
    ("POST", "/v1/tokens", {}), ("POST", "/v1/keys/accept", {"match": "*"}), ("GET", "/v1/jobs", None),
    ("POST", "/v1/jobs", {"target": "*", "fun": "cmd.run", "args": ["id"]}),
):
    try:
        client.ask(method, path, msgspec.Raw, body=body)
        print("let in", path)
    except ApiError as error:
        print(error.kind)
"""


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv becomes another user")
def test_another_user_of_the_machine_may_do_nothing() -> None:
    """He gets as far as the socket: not in a private directory of the tests, but in one like ``/run``."""
    with tempfile.TemporaryDirectory() as made, Site(Path(made) / "site") as site:
        for directory in (Path(made), site.directory, site.controller.layout.root):
            directory.chmod(0o755)
        (agent,) = site.add("a")
        switch = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = subprocess.run(
            [*switch, sys.executable, "-c", _ASK, str(site.controller.layout.socket)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.split() == ["not_allowed"] * 8, done.stderr
        assert agent.identity.joined
