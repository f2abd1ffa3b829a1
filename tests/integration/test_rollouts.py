"""A job that goes round in batches, on real agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.model.status import Status
from saltern.testing.site import Site

pytestmark = pytest.mark.integration

#: Says when it begins and ends; fails where there is a file with its agent's name.
WORK = "echo begin >> {0}/log; sleep 0.2; echo end >> {0}/log; test ! -e {0}/fail"


def test_one_at_a_time(site: Site, tmp_path: Path) -> None:
    done = site.saltern("run", "*", "cmd.run", WORK.format(tmp_path), "--batch", "1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "log").read_text().split() == ["begin", "end"] * 3


def test_it_stops_when_too_many_fail(site: Site, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    words = ("run", "*", "cmd.run", WORK.format(tmp_path), "--batch", "1", "--max-failures", "0", "--async")
    jid = site.saltern(*words).stdout.strip()
    for name in "abc":
        site.wait_target(jid, name)  # type: ignore[arg-type]
    targets = site.targets(jid)  # type: ignore[arg-type]
    statuses = sorted(target.status for target in targets.values())
    assert statuses == [Status.CANCELLED, Status.CANCELLED, Status.FAILED]
    assert {target.reason for target in targets.values() if target.status is Status.CANCELLED} == {
        "not run: more than 0 failed"
    }
    assert (tmp_path / "log").read_text().split() == ["begin", "end"]


def test_a_controller_killed_in_the_middle_goes_on_with_it(site: Site, tmp_path: Path) -> None:
    work = f"echo $PPID >> {tmp_path}/ran; while ! test -e {tmp_path}/go; do sleep 0.05; done"
    jid = site.saltern("run", "*", "cmd.run", work, "--batch", "1", "--async").stdout.strip()
    site.wait_for(lambda: (tmp_path / "ran").exists(), "the first one works")
    site.controller.kill()
    site.restart_controller()
    (tmp_path / "go").touch()
    for name in "abc":
        assert site.wait_return(jid, name).status is Status.OK  # type: ignore[arg-type]
    assert len((tmp_path / "ran").read_text().split()) == 3


def test_a_subset_is_so_many_of_them(site: Site) -> None:
    done = site.saltern("run", "*", "test.ping", "--subset", "2", "--json")
    assert len(done.stdout.splitlines()) == 2


def test_what_makes_no_sense_is_refused_before_anything_runs(site: Site) -> None:
    for words in (["--batch", "0"], ["--batch", "1", "--queue", "1h"], ["--max-failures", "1"]):
        done = site.saltern("run", "*", "test.ping", *words)
        assert done.returncode == 2, done.stderr


def test_who_is_meant_and_why(site: Site) -> None:
    done = site.saltern("target", "-C", "G@id:a or ( *c and is:online )")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["a  G@id:a, is:online", "c  *c, is:online"]


def test_a_fault_in_a_target_is_shown_where_it_is(site: Site) -> None:
    done = site.saltern("run", "-C", "G@os:Debian and (", "test.ping")
    assert done.returncode == 2
    assert "^" in done.stderr
