"""Files from the controller: a large one to one agent and to many, small ones, and what a change costs.

python -m benchmarks files
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from benchmarks.measure import Row, timed

from saltern.agent.cache import Cache
from saltern.agent.fetching import Fetcher
from saltern.identity import permissions
from saltern.identity.keys import KeyPair
from saltern.model.ids import AgentKey
from saltern.testing.intruder import authority
from saltern.testing.site import Site
from saltern.testing.swarm import identities
from saltern.testing.swarm_agent import Identity
from saltern.transport.connection import Credential, connect

MB = 1_000_000


def run(quick: bool) -> Iterable[Row]:
    """Return the rows."""
    large, many, tree = (10 * MB, 10, 1_000) if quick else (100 * MB, 50, 10_000)
    with tempfile.TemporaryDirectory(prefix="saltern-files-") as name:
        directory = Path(name)
        root = directory / "srv"
        (root / "small").mkdir(parents=True)
        _random(root / "large", large)
        for number in range(1_000):
            _random(root / f"small/{number}", 4096)
        with Site(directory / "site", files={"backends": [{"roots": {"base": [str(root)]}}]}) as site:
            site.add("one")
            yield from _to_one(site, root, large)
            yield from _small(site)
            yield from _to_many(site, root, large, many, directory)
            yield from _edits(site, root, tree)


def _random(path: Path, size: int) -> None:
    with path.open("wb") as file:
        while size > 0:
            size -= file.write(os.urandom(min(size, MB)))


def _call(site: Site, fun: str, *args: Any, **named: Any) -> Any:
    outcome = site.run("one", fun, *args, **({"kwargs": named} if named else {}))
    assert outcome.settled["one"].error is None, outcome.settled["one"]
    return outcome.value("one")


def _to_one(site: Site, root: Path, size: int) -> Iterator[Row]:
    _call(site, "cp.list_master")  # the controller has read the tree
    loop, controller = site.agents["one"].loop, site.controller.pid
    with _peak(loop) as agent, _peak(controller) as ours:
        seconds = timed(lambda: _call(site, "cp.cache_file", "salt://large"))
    yield Row(
        what=f"{size // MB} MB to one agent",
        value=size / MB / seconds,
        unit="MB/s",
        reference=size / MB / timed(lambda: _copied(root / "large")),
        of="copy and SHA-256",
        salt="33 MB/s",
        note=f"at most: agent {agent() / MB:.0f} MB, controller {ours() / MB:.0f} MB",
    )


def _copied(path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent.parent) as directory:
        copy = shutil.copyfile(path, Path(directory) / "copy")
        with open(copy, "rb") as file:
            hashlib.file_digest(file, "sha256")
            os.fsync(file.fileno())


def _small(site: Site) -> Iterator[Row]:
    for what, salt in (("first", "34 /s"), ("again", "73 /s")):
        seconds = timed(lambda: _call(site, "cp.cache_dir", "salt://small"))
        yield Row(what=f"1,000 files of 4 KB, {what}", value=1000 / seconds, unit="/s", salt=salt)


def _to_many(site: Site, root: Path, size: int, count: int, directory: Path) -> Iterator[Row]:
    digest = hashlib.sha256((root / "large").read_bytes()).hexdigest()
    with _peak(site.controller.pid) as ours, _peak(site.broker) as broker:
        seconds = timed(lambda: asyncio.run(_swarm(site, digest, size, count, directory)))
    yield Row(
        what=f"{size // MB} MB to {count} agents at once",
        value=count * size / MB / seconds,
        unit="MB/s in all",
        note=f"at most: controller {ours() / MB:.0f} MB, broker {broker() / MB:.0f} MB; "
        "all agents in one process",
    )


async def _swarm(site: Site, digest: str, size: int, count: int, directory: Path) -> None:
    await asyncio.gather(
        *(
            _member(site, one, digest, size, directory / "swarm" / one.name)
            for one in identities(authority(site), count)
        )
    )


async def _member(site: Site, identity: Identity, digest: str, size: int, directory: Path) -> None:
    pair = KeyPair(identity.seed)
    key = AgentKey(pair.public)
    endpoint = site.agents["one"].identity.credential().endpoint()
    inbox = permissions.agent_inbox(key)
    connection = await connect(
        endpoint, Credential(identity.jwt, pair), name="benchmark", inbox=inbox, timeout=60
    )
    fetcher = Fetcher(key, Cache(directory), room=10**12, ask=_nobody, emit=_nothing)
    await fetcher.attach(connection)
    try:
        await fetcher.fetch([(digest, size)])
    finally:
        await connection.close()
    await asyncio.to_thread(shutil.rmtree, directory)


async def _nobody(service: str, data: bytes) -> bytes:
    raise AssertionError(f"asked for {service}: content was missing")


async def _nothing(tag: str, data: dict[str, str]) -> None:
    raise AssertionError(f"{tag}: {data}")


def _edits(site: Site, root: Path, count: int) -> Iterator[Row]:
    (root / "tree").mkdir()
    for number in range(count):
        (root / f"tree/{number}").write_text(f"{number}\n")
    began = time.perf_counter()
    _call(site, "cp.list_master")
    yield Row(what=f"{count:,} new files on the controller", value=time.perf_counter() - began, unit="s")
    ping = min(timed(lambda: _call(site, "test.ping")) for _ in range(5))
    for what in ("nothing is new", "one file is new"):
        if what == "one file is new":
            (root / "tree/7").write_text("edited\n")
        yield Row(
            what=f"a job that reads a file of {count:,}, when {what}",
            value=timed(lambda: _call(site, "cp.hash_file", "salt://tree/7")) * 1000,
            unit="ms",
            reference=ping * 1000,
            of="test.ping",
        )


@contextmanager
def _peak(pid: int) -> Iterator[Callable[[], float]]:
    """Watch how large a process gets; what is given tells."""
    process, most, over = psutil.Process(pid), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], float(process.memory_info().rss))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: most[0]
    finally:
        over.set()
        watcher.join()
