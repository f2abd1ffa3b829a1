"""Files from the controller to its agents: whole, the same throughout a run, from nobody else."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.agent import questions
from saltern.foundation.errors import SalternError
from saltern.identity.keys import PublicKey
from saltern.messages.v1 import AskPieces, Piece, Push, decode, encode
from saltern.model.ids import JobId
from saltern.model.manifest import PIECE
from saltern.model.status import Status
from saltern.testing.intruder import as_agent, as_controller, listen, until
from saltern.testing.site import Outcome, Site
from saltern.transport import streams

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("files")
    backends = [{"roots": {"base": [str(directory / "srv")]}}, {"minionfs": {"mountpoint": "salt://pushed"}}]
    limits = {"push": True, "push_bytes": 3_000_000, "push_agent_bytes": 5_000_000}
    made = Site(directory, files={"backends": backends, **limits})
    (directory / "srv").mkdir()
    with made:
        made.add("a", "b")
        yield made


@pytest.fixture
def root(site: Site) -> Path:
    return site.directory / "srv"


def cache(site: Site, name: str) -> Path:
    return site.agents[name].layout.agent / "files"


def copied(site: Site, name: str, source: str) -> bytes:
    """Have an agent copy a file, and return what it got."""
    dest = site.agents[name].layout.root / "copy"
    outcome = site.run(name, "cp.get_file", f"salt://{source}", str(dest))
    assert outcome.value(name) == str(dest), outcome.settled[name]
    return dest.read_bytes()


def forge(site: Site, digest: str, data: bytes) -> None:
    """Put something else into the stream under that name, as who has taken over the broker can."""

    async def attack() -> None:
        async with as_controller(site, site.agents["a"]) as connection:
            await connection.store(f"file.{digest}.0", encode(Piece(data=data)))

    asyncio.run(attack())


def test_states_are_applied_from_the_controller(site: Site, root: Path) -> None:
    target = site.agents["a"].layout.root / "applied"
    (root / "top.sls").write_text("base:\n  'a':\n    - web\n")
    (root / "web.sls").write_text(f"x:\n  file.managed:\n    - name: {target}\n    - source: salt://conf\n")
    (root / "conf").write_text("first")
    outcome = site.run("a", "state.apply")
    assert outcome.statuses() == {"a": Status.OK}, outcome.settled
    assert target.read_text() == "first"
    assert len(outcome.settled["a"].snapshot["base"]) == 64

    (root / "conf").write_text("second")  # the next job sees it, however soon it comes
    later = site.run("a", "state.apply")
    assert target.read_text() == "second"
    assert later.settled["a"].snapshot != outcome.settled["a"].snapshot


def test_an_edit_during_a_run_is_for_the_next(site: Site, root: Path) -> None:
    agent = site.agents["a"]
    pipe, target = agent.layout.root / "gate", agent.layout.root / "slow"
    os.mkfifo(pipe)
    (root / "slow.sls").write_text(
        f"wait:\n  cmd.run:\n    - name: cat {pipe}\n"
        f"{target}:\n  file.managed:\n    - source: salt://edited\n    - require:\n      - cmd: wait\n"
    )
    (root / "edited").write_text("as it was")
    jid = site.start_job("a", "state.apply", "slow")
    with pipe.open("w") as gate:  # opened when the run has come to wait
        (root / "edited").write_text("as it is")
        assert site.run("b", "cp.get_file_str", "salt://edited").value("b") == "as it is"
        gate.write("go on")
    assert site.watch(jid).statuses() == {"a": Status.OK}
    assert target.read_text() == "as it was"


def test_a_large_file_comes_whole_and_memory_stays(site: Site, root: Path) -> None:
    data = os.urandom(1024 * 1024) * 100
    (root / "large").write_bytes(data)
    loop = site.agents["b"].loop
    before = site.agents["b"].memory(loop)
    outcome = site.run("b", "cp.cache_file", "salt://large")
    path = Path(outcome.value("b"))
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600
    assert site.agents["b"].memory(loop) - before < 60 * 1024 * 1024
    assert list((cache(site, "b") / "parts").iterdir()) == []


def test_what_is_cached_is_told_and_nothing_is_fetched_for_it(site: Site, root: Path) -> None:
    (root / "asked").write_text("asked for")
    address = "salt://asked"
    assert site.run("a", "cp.is_cached", address).value("a") == ""
    where = site.run("a", "cp.cache_dest", address).value("a")
    assert not Path(where).exists()
    assert site.run("a", "cp.cache_file", address).value("a") == where
    assert site.run("a", "cp.is_cached", address).value("a") == where
    assert where in site.run("a", "cp.list_minion").value("a")
    (root / "asked").write_text("another by now")
    assert site.run("a", "cp.is_cached", address).value("a") == ""


def test_many_jobs_that_need_one_file_fetch_it_once(site: Site, root: Path) -> None:
    (root / "shared").write_bytes(os.urandom(5 * PIECE))
    asked = 0

    async def count() -> None:
        nonlocal asked
        async with as_controller(site, site.agents["a"]) as watch:
            heard = await listen(watch, f"rpc.{site.agents['a'].key}.pieces")
            jobs = [site.start_job("a", "cp.hash_file", "salt://shared") for _ in range(4)]
            for jid in jobs:
                assert (await asyncio.to_thread(site.watch, jid)).statuses() == {"a": Status.OK}
            digest = hashlib.sha256((root / "shared").read_bytes()).digest()
            for message in heard.messages:
                asked += sum(one[0] == digest for one in decode(message.data, AskPieces).pieces)

    asyncio.run(count())
    assert asked == 1


def test_a_forged_file_is_reported_mended_and_never_used(site: Site, root: Path) -> None:
    (root / "forged").write_bytes(b"as the operator wrote it")
    assert site.run("a", "cp.hash_file", "salt://forged").statuses() == {"a": Status.OK}
    digest = hashlib.sha256(b"as the operator wrote it").hexdigest()
    forge(site, digest, b"as an attacker wants it!")
    assert copied(site, "b", "forged") == b"as the operator wrote it"
    assert site.wait_event("files/corrupt", sha256=digest)


def test_a_forged_manifest_is_no_manifest(site: Site, root: Path) -> None:
    (root / "something").write_text("new, so that there is a new manifest")
    name = site.run("a", "cp.list_master").settled["a"].snapshot["base"]
    forge(site, name, b"\x92\x01\x90")
    found = site.run("b", "cp.list_master")
    assert "something" in found.value("b")
    assert found.settled["b"].snapshot["base"] == name
    assert site.wait_event("files/corrupt", sha256=name)


def test_a_forger_who_does_not_stop_gets_an_error_not_a_file(site: Site, root: Path) -> None:
    """Now and then the agent is the faster, and gets the right file; it never gets another."""
    errors: list[dict[str, Any]] = []
    while not errors:
        data = os.urandom(3 * PIECE)
        digest = hashlib.sha256(data).hexdigest()
        (root / "stubborn").write_bytes(data)
        assert site.run("a", "cp.hash_file", "salt://stubborn").statuses() == {"a": Status.OK}
        error = while_forging(site, digest, lambda: site.run("b", "cp.cache_file", "salt://stubborn"))
        kept = cache(site, "b") / "blobs" / digest[:2] / digest
        if error is None:
            assert kept.read_bytes() == data
        else:
            assert "something else" in error["message"]
            assert not kept.exists()
            errors.append(error)


def while_forging(site: Site, digest: str, run: Callable[[], Outcome]) -> dict[str, Any] | None:
    """Return the error of what is run while somebody forges a piece again and again."""
    stop, begun = threading.Event(), threading.Event()

    async def keep_forging() -> None:
        async with as_controller(site, site.agents["a"]) as connection:
            while not stop.is_set():
                await connection.store(f"file.{digest}.1", encode(Piece(data=b"x" * PIECE)))
                begun.set()

    forger = threading.Thread(target=lambda: asyncio.run(keep_forging()))
    forger.start()
    try:
        assert begun.wait(30)
        return run().settled["b"].error
    finally:
        stop.set()
        forger.join()


def test_an_agent_killed_in_the_middle_goes_on_where_it_was(site: Site, root: Path) -> None:
    data = os.urandom(60 * PIECE)
    (root / "resumed").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    agent = site.agents["b"]
    agent.fault("fetching.piece", "kill loop")
    site.run("b", "cp.cache_file", "salt://resumed")
    part = cache(site, "b") / "parts" / digest
    assert 0 < part.stat().st_size < len(data)
    have = part.stat().st_size // PIECE
    site.wait_online("b")
    firsts: list[int] = []

    async def again() -> None:
        async with as_controller(site, agent) as watch:
            heard = await listen(watch, f"rpc.{agent.key}.pieces")
            outcome = await asyncio.to_thread(site.run, "b", "cp.hash_file", "salt://resumed")
            assert outcome.value("b")["hsum"] == digest, outcome.settled["b"].error
            for message in heard.messages:
                firsts.extend(
                    one[1] for one in decode(message.data, AskPieces).pieces if one[0].hex() == digest
                )

    asyncio.run(again())
    assert min(firsts) >= have > 0


@pytest.mark.parametrize("path", ["../secret", "sub/../../secret", "/etc/passwd", "a//b", "./x"])
def test_paths_do_not_leave_the_tree(site: Site, path: str) -> None:
    outcome = site.run("a", "cp.get_file_str", f"salt://{path}")
    settled = outcome.settled["a"]
    assert settled.error is not None or outcome.value("a") is False


def test_links_out_and_pipes_are_not_served(site: Site, root: Path) -> None:
    secret = site.directory / "secret"
    secret.write_text("not for agents")
    (root / "out").symlink_to(secret)
    (root / "within").symlink_to("conf")
    (root / "conf").write_text("served")
    os.mkfifo(root / "pipe")
    assert site.run("a", "cp.get_file_str", "salt://within").value("a") == "served"
    out = site.run("a", "cp.get_file_str", "salt://out")
    assert out.settled["a"].error is not None or out.value("a") is False
    assert site.run("a", "cp.get_file_str", "salt://pipe").value("a") is False
    (root / "pipe").unlink()


def test_an_agent_has_pieces_sent_to_itself_only(site: Site) -> None:
    own, victim = site.agents["a"], site.agents["b"]
    ask = encode(AskPieces(pieces=((bytes(32), 0, 1),)))

    async def attack() -> None:
        async with as_controller(site, own) as watch, as_agent(own) as connection:
            heard = await listen(
                watch, f"job.{victim.key}", f"_in.{victim.key}.>", "ret.>", "$JS.API.STREAM.>"
            )
            for reply in (f"job.{victim.key}", f"_in.{victim.key}.x", f"ret.{victim.key}.{JobId('2' * 20)}"):
                await connection.publish(f"rpc.{own.key}.pieces", ask, reply=reply)
            await connection.publish(f"rpc.{own.key}.pieces", ask, reply="$JS.API.STREAM.DELETE.FILES")
            await connection.flush()
            await asyncio.to_thread(site.wait_event, "request/misdirected")
            assert not heard.messages

    asyncio.run(attack())


def test_an_agent_writes_and_reads_nothing_of_the_stream_by_itself(site: Site) -> None:
    own = site.agents["a"]
    digest = "ab" * 32

    async def attack() -> None:
        async with as_controller(site, own) as watch, as_agent(own) as connection:
            heard = await listen(watch, "file.>", "$JS.API.DIRECT.GET.FILES", "$JS.API.DIRECT.GET.FILES.>")
            await connection.publish(f"file.{digest}.0", encode(Piece(data=b"forged")))
            await connection.publish("$JS.API.DIRECT.GET.FILES", b"{}", reply=f"_in.{own.key}.x")
            await connection.publish(
                f"$JS.API.DIRECT.GET.FILES.file.{digest}.0", b"", reply=f"_in.{own.key}.x"
            )
            await connection.flush()
            await connection.publish(f"live.{own.key}.{JobId('2' * 20)}", b"marker")
            await until(lambda: True, "the broker has seen all")
            assert await streams.last(watch, streams.FILES, f"file.{digest}.0") is None
            assert not [message for message in heard.messages if message.subject.startswith("file.")]

    asyncio.run(attack())


def test_malformed_questions_are_answered_and_harm_nobody(site: Site) -> None:
    own = site.agents["a"]

    async def attack() -> None:
        async with as_agent(own) as connection:
            for service in ("files", "pieces", "missing", "more"):
                for data in (b"", b"\x01", b"\x01\xc1", b"{}", encode(AskPieces(pieces=((b"short", 0, 1),)))):
                    await connection.publish(f"rpc.{own.key}.{service}", data, reply=f"_in.{own.key}.x")
            huge = encode(AskPieces(pieces=((bytes(32), 0, 2**62),)))
            await connection.publish(f"rpc.{own.key}.pieces", huge, reply=f"_in.{own.key}.x")
            await connection.flush()

    asyncio.run(attack())
    assert site.run("a", "test.ping").value("a") is True


def test_no_such_environment_is_an_error(site: Site) -> None:
    outcome = site.run("a", "state.apply", "web", saltenv="nowhere")
    assert outcome.statuses() == {"a": Status.FAILED}


def pushed(site: Site, name: str) -> Path:
    return site.controller.layout.controller / "files/pushed" / site.agents[name].key


def test_what_an_agent_pushes_is_served(site: Site) -> None:
    source = site.agents["a"].layout.root / "upload"
    source.write_bytes(b"x" * (2 * PIECE + 1))
    assert site.run("a", "cp.push", str(source), upload_path="/etc/it").value("a") is True
    path = Path(site.run("b", "cp.cache_file", "salt://pushed/a/etc/it").value("b"))
    assert path.read_bytes() == source.read_bytes()
    source.write_text("later")
    assert site.run("a", "cp.push", str(source), upload_path="/etc/it").value("a") is True
    assert site.run("b", "cp.get_file_str", "salt://pushed/a/etc/it").value("b") == "later"
    assert len(list(pushed(site, "a").iterdir())) == 2  # the index and the one content


def test_pushes_have_limits(site: Site) -> None:
    source = site.agents["b"].layout.root / "upload"
    errors: list[str] = []
    for size, name in ((3_000_001, "large"), (2_900_000, "first"), (2_900_000, "second")):
        source.write_bytes(os.urandom(size))
        error = site.run("b", "cp.push", str(source), upload_path=f"/{name}").settled["b"].error
        errors.append(error["message"] if error else "")
    assert "may push 3000000" in errors[0]
    assert errors[1] == ""
    assert "would have pushed" in errors[2]


def test_no_pipe_is_pushed_and_nobody_hangs(site: Site) -> None:
    pipe = site.agents["b"].layout.root / "a-pipe"
    os.mkfifo(pipe)
    error = site.run("b", "cp.push", str(pipe)).settled["b"].error
    assert error is not None
    assert "no regular file" in error["message"]


def test_a_push_is_what_it_says_and_under_no_path_of_the_agents(site: Site) -> None:
    own = site.agents["a"]

    async def ask(push: Push) -> str:
        async with as_agent(own) as connection:
            signer = PublicKey(own.identity.credential().signer)
            try:
                await questions.ask(connection, own.key, signer, "push", encode(push))
            except SalternError as error:
                return error.message
            return ""

    for path in ("../../x", "/etc/x", "a//b", "", "a\0b", "x" * 2000, "./a"):
        assert "can't be the name" in asyncio.run(ask(Push(path=path, sha256=bytes(32), size=1)))
    never_sent = Push(path="a", sha256=bytes(32), size=1, sent=True)
    assert "not what was announced" in asyncio.run(ask(never_sent))
    assert not (pushed(site, "a") / "00").exists()
    assert all(len(one.name) in (5, 64) for one in pushed(site, "a").iterdir())


def test_the_command_line_lists_and_refreshes(site: Site, root: Path) -> None:
    name = site.run("a", "cp.list_master").settled["a"].snapshot["base"]
    listed = site.saltern("files", "list")
    assert listed.returncode == 0, listed.stderr
    assert name[:12] in listed.stdout
    done = site.saltern("files", "refresh")
    assert (done.returncode, done.stdout) == (0, "roots/0: ok\nminionfs/1: ok\n")
    shown = site.saltern("run", "a", "cp.list_master")
    assert f"files: base {name[:12]}" in shown.stdout
