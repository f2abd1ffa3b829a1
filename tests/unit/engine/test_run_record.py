"""Runs on this machine: recorded, undone, planned, one at a time, and dry ones that leave no trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from saltern.engine import plan as plans
from saltern.engine.call import call
from saltern.engine.journal import Former, Head, read_lines, runs
from saltern.engine.runner import Wishes
from saltern.engine.site import Site
from saltern.engine.states import KEPT, perform
from saltern.engine.turn import Busy, glance, holder, turn
from saltern.engine.undo import find, undo
from saltern.sdk import BadArgument, Conflict, NotFound
from saltern.sdk.local import LocalHost
from saltern.sls.tree import LocalTree
from saltern.testing.conditions import eventually

TREE = """
{0}/etc:
  file.directory:
    - mode: 750
{0}/etc/new:
  file.managed:
    - contents: new
    - mode: '0600'
{0}/old:
  file.managed:
    - contents: changed
link:
  file.symlink:
    - name: {0}/link
    - target: elsewhere
{0}/gone:
  file.absent: []
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Lay out a file, a link and a tree that states will change."""
    place = tmp_path / "place"
    (place / "gone/deep").mkdir(parents=True)
    (place / "gone/deep/file").write_text("deep")
    (place / "gone/deep/file").chmod(0o640)
    (place / "old").write_text("old\n")
    (place / "old").chmod(0o600)
    (place / "link").symlink_to("here")
    (tmp_path / "sls").mkdir()
    (tmp_path / "sls/a.sls").write_text(TREE.format(place))
    return place


@pytest.fixture
def site(tmp_path: Path, place: Path) -> Site:
    host = LocalHost(grains=lambda: {"id": "here"})
    tree = LocalTree({"base": [str(tmp_path / "sls")]})
    made = Site(host, tree, opts={"id": "here"}, directory=tmp_path / "record")
    host.supply = made.supply
    return made


def listing(directory: Path) -> dict[str, Any]:
    """Return everything below a directory: kinds, modes, contents, and when it was last written."""
    found: dict[str, Any] = {}
    for path in sorted(directory.rglob("*")):
        there = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(directory))] = (oct(there.st_mode), there.st_uid, content)
    return found


def applied(site: Site, **wishes: Any) -> dict[str, dict[str, Any]]:
    return perform(site, site.compile(["a"]), Wishes(**wishes), what="state.apply a")


def record(site: Site) -> Path:
    assert site.directory is not None
    return site.directory


def test_run_and_run_again(site: Site, place: Path) -> None:
    first = applied(site)
    assert [one["result"] for one in first.values()] == [True] * 5
    assert all(one["changes"] for one in first.values())
    between = listing(place)
    again = applied(site)
    assert [(one["result"], one["changes"]) for one in again.values()] == [(True, {})] * 5
    assert listing(place) == between


def test_undone_it_is_as_before(site: Site, place: Path) -> None:
    before = listing(place)
    applied(site)
    assert listing(place) != before
    done = undo(site.host, record(site), find(record(site)))
    assert listing(place) == before
    assert done.left == ()
    assert str(place / "old") in done.restored


def test_what_others_changed_since_is_left(site: Site, place: Path) -> None:
    applied(site)
    (place / "old").write_text("by hand")
    done = undo(site.host, record(site), find(record(site)))
    assert (place / "old").read_text() == "by hand"
    assert [one for one in done.left if "changed since" in one]
    assert (place / "gone/deep/file").read_text() == "deep"


def test_an_undone_run_is_not_undone_again(site: Site) -> None:
    applied(site)
    undo(site.host, record(site), find(record(site)))
    with pytest.raises(NotFound, match="no run that could be undone"):
        find(record(site))


def test_what_commands_did_is_told(site: Site, tmp_path: Path) -> None:
    (tmp_path / "sls/a.sls").write_text("echo hello:\n  cmd.run: []\n" + TREE.format(tmp_path / "place"))
    applied(site)
    done = undo(site.host, record(site), find(record(site)))
    assert len(done.left) == 1
    assert "echo hello" in done.left[0]


def test_a_full_disk_is_no_reason_to_go_on_unrecorded(site: Site, place: Path) -> None:
    """A path whose former state can't be kept is not changed."""
    (place / "old").unlink()
    (place / "old").mkdir()  # where a file is wanted
    found = applied(site)
    assert [one["result"] for one in found.values()].count(False) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have what root can't read")
def test_the_record_is_private(site: Site) -> None:
    applied(site)
    for path in [record(site), *record(site).rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_only_the_latest_records_are_kept(site: Site) -> None:
    for _ in range(KEPT + 3):
        applied(site)
    assert len(runs(record(site))) == KEPT


# --- one at a time --------------------------------------------------------------------------------

HEAD = Head(run="r1", what="state.apply web", started=0.0, pid=42)


def test_a_second_run_is_refused_by_the_name_of_the_first(site: Site, tmp_path: Path) -> None:
    with turn(record(site), HEAD):
        with pytest.raises(Busy, match=r"state.apply web \(run r1, process 42\) is changing this machine"):
            applied(site)
        assert holder(record(site)) == HEAD
        with pytest.raises(Busy), glance(record(site)):
            pass
    assert holder(record(site)) is None
    applied(site)


def test_a_turn_of_the_dead_is_free(site: Site, tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from saltern.engine.turn import turn;"
        "from saltern.engine.journal import Head\n"
        f"with turn(Path({str(record(site))!r}), Head(run='r1', what='x', started=0.0, pid=os.getpid())):\n"
        "    print('ready', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    with pytest.raises(Busy):
        applied(site)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    applied(site)


def test_a_killed_run_leaves_what_it_did(site: Site, tmp_path: Path, place: Path) -> None:
    """Kill a run while its second state waits; the record says what the first did, and undoes it."""
    os.mkfifo(tmp_path / "door")
    (tmp_path / "sls/a.sls").write_text(
        f"{place}/old:\n  file.managed:\n    - contents: changed\n"
        f"touch {tmp_path}/reached; cat {tmp_path}/door:\n  cmd.run: []\n"
    )
    script = (
        "from pathlib import Path; from saltern.engine.site import Site\n"
        "from saltern.sls.tree import LocalTree\n"
        "from saltern.sdk.local import LocalHost; from saltern.engine.states import perform\n"
        "from saltern.engine.runner import Wishes\n"
        "host = LocalHost(grains=dict)\n"
        f"site = Site(host, LocalTree({{'base': [{str(tmp_path / 'sls')!r}]}}), opts={{'id': 'here'}},\n"
        f"            directory=Path({str(record(site))!r}))\n"
        "host.supply = site.supply\n"
        "perform(site, site.compile(['a']), Wishes(), what='state.apply a')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script])
    eventually((tmp_path / "reached").exists)
    child.kill()
    child.wait()
    (tmp_path / "door").write_text("the command may end, too")
    (head,) = runs(record(site))
    steps = (record(site) / head.run / "steps.jsonl").read_text()
    assert '"event":"ends","key":"file_|-' in steps
    assert [one.path for one in read_lines(record(site) / head.run / "before.jsonl", Former)] == [
        str(place / "old")
    ]
    undo(site.host, record(site), find(record(site)))
    assert (place / "old").read_text() == "old\n"


# --- plans ----------------------------------------------------------------------------------------


def test_a_plan_is_done_exactly(site: Site, place: Path, tmp_path: Path) -> None:
    before = listing(tmp_path)
    made = plans.plan(site, ["a"])
    assert listing(tmp_path) == before, "a plan has written something"
    assert [one.result for one in made.planned] == [None] * 5
    plans.save(made, tmp_path / "plan")
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o600
    results = plans.apply_plan(site, plans.load(tmp_path / "plan"))
    assert [one["result"] for one in results.values()] == [True] * 5
    assert (place / "etc/new").read_text() == "new\n"


def test_a_plan_that_no_longer_holds_is_refused(site: Site, place: Path) -> None:
    made = plans.plan(site, ["a"])
    (place / "old").write_text("other\n")
    before = listing(place)
    said = r"file\.managed .*/old: planned a change \(diff\), now another: a change"
    with pytest.raises(Conflict, match=said):
        plans.apply_plan(site, made)
    assert listing(place) == before


def test_a_plan_for_another_machine_is_refused(site: Site, tmp_path: Path) -> None:
    made = plans.plan(site, ["a"])
    site.opts["id"] = "there"
    with pytest.raises(Conflict, match="this plan is for here, and this is there"):
        plans.apply_plan(site, made)


def test_a_plan_that_was_tampered_with_is_refused(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "plan"
    plans.save(plans.plan(site, ["a"]), path)
    path.write_text(path.read_text().replace("+changed", "+evil"))
    with pytest.raises(BadArgument, match="has been changed since"):
        plans.load(path)
    path.write_text("{}")
    with pytest.raises(BadArgument, match="is no plan"):
        plans.load(path)
    with pytest.raises(NotFound, match="there is no plan"):
        plans.load(tmp_path / "none")


# --- a dry run writes nothing ---------------------------------------------------------------------

MAIN = "import sys; from saltern.cli.main import main; sys.exit(main())"
WRITES = (
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "symlink"),
    *("symlinkat", "link", "linkat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown"),
    *("truncate", "ftruncate", "utimensat", "mknod", "mknodat", "setxattr", "fsetxattr", "fallocate"),
)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_a_dry_run_makes_no_system_call_that_writes(site: Site, tmp_path: Path, place: Path) -> None:
    """Trace a whole dry run from outside: the states above, a template, a command, a pillar."""
    (tmp_path / "sls/t.j2").write_text("{{ grains.id }}\n")
    (tmp_path / "sls/a.sls").write_text(
        TREE.format(place)
        + f"{place}/t:\n  file.managed:\n    - source: salt://t.j2\n    - template: jinja\n"
        + "'touch /nowhere/x':\n  cmd.run: []\n"
        + "role:\n  grains.present:\n    - value: web\n"
        + f"{place}/old2:\n  file.touch: []\n"
    )
    (tmp_path / "pillar").mkdir()
    before = listing(tmp_path)
    log = tmp_path.parent / f"{tmp_path.name}.strace"
    command = [
        *("strace", "-f", "-qq", "-o", str(log), "-e", f"trace=open,openat,creat,{','.join(WRITES)}"),
        *(sys.executable, "-B", "-c", MAIN, "--root", str(tmp_path / "root"), "call"),
        *("--file-root", str(tmp_path / "sls"), "--pillar-root", str(tmp_path / "pillar"), "--id", "here"),
        *("--json", "state.apply", "a", "test=True"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(done.stdout)["data"]
    assert {one["result"] for one in data.values()} == {None}
    assert listing(tmp_path) == before
    assert not (tmp_path / "root").exists()
    lines = log.read_text().splitlines()
    assert len(lines) > 100, "strace has seen nothing"
    writing = [line for line in lines if is_writing(line)]
    log.unlink()
    assert writing == []


def is_writing(line: str) -> bool:
    """Tell whether a traced call writes into the file system."""
    call = line.split(" ", 1)[1].lstrip()
    name = call.partition("(")[0]
    if name in ("open", "openat", "creat"):
        opens_for_writing = any(flag in call for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"))
        return opens_for_writing and '"/dev/null"' not in call and '"/dev/tty"' not in call
    return name in WRITES


# --- what states.* offers -------------------------------------------------------------------------


def test_a_run_can_be_told_to_end(site: Site, tmp_path: Path, place: Path) -> None:
    """The first state asks for the end of its own run; the second is not begun."""
    (tmp_path / "sls/a.sls").write_text(
        f"state.soft_kill:\n  module.run: []\n{place}/old:\n  file.managed:\n    - contents: changed\n"
    )
    found = applied(site)
    assert [(one["__id__"], one["result"]) for one in found.values()] == [("state.soft_kill", True)]
    assert (place / "old").read_text() == "old\n"


def test_what_is_recorded_can_be_asked_for(site: Site) -> None:
    assert json.loads(call(site.host, "state.running").data) == []
    assert call(site.host, "state.apply", ["a"]).ok
    (run,) = json.loads(call(site.host, "state.runs").data)
    assert (run["what"], run["states"]) == ("state.apply a", 5)
    done = json.loads(call(site.host, "state.undo", [run["run"][:8]]).data)
    assert (done["run"], done["left"]) == (run["run"], [])
    with turn(record(site), HEAD):
        assert json.loads(call(site.host, "state.running").data) == ["state.apply web (run r1, process 42)"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give links away")
def test_a_strangers_link_is_not_written_through(site: Site, tmp_path: Path, place: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "x").symlink_to(place / "old")
    os.chown(shared / "x", 12345, 12345, follow_symlinks=False)
    (tmp_path / "sls/a.sls").write_text(f"{shared}/x:\n  file.managed:\n    - contents: evil\n")
    (found,) = applied(site).values()
    assert found["result"] is False
    assert "belongs to user id 12345" in found["comment"]
    assert (place / "old").read_text() == "old\n"


def test_a_plan_knows_what_it_does_not_show(site: Site, place: Path) -> None:
    """A new file's content and a command's arguments are in no list of changes; they count all the same."""
    made = plans.plan(site, ["a"])
    told = list(plans.told_of(made))
    path = place.parent / "sls/a.sls"
    path.write_text(path.read_text().replace("contents: new", "contents: evil"))
    before = listing(place)
    with pytest.raises(Conflict, match=r"etc/new: planned a change .*, now another"):
        plans.apply_plan(site, made)
    with pytest.raises(Conflict, match="no longer what was planned"):
        plans.apply_approved(site, made, told)
    assert listing(place) == before


def test_a_plan_is_applied_by_its_fingerprint_alone(site: Site, place: Path) -> None:
    made = plans.plan(site, ["a"])
    results = plans.apply_approved(site, made, [])
    assert [one["result"] for one in results.values()] == [True] * len(made.planned)
