"""Pillars of 1,000 keys for 1,000 agents, as a controller renders them: first, again, and after an edit.

Beside it: reading the same YAML once, by PyYAML; and real Salt, where ``SALT_PYTHON`` names an interpreter
that has it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import yaml
from benchmarks.measure import Row, best

from saltern.controller.fleet import Fleet
from saltern.controller.groups import Groups
from saltern.controller.pillar.service import PillarPlaces, Pillars
from saltern.controller.settings import ControllerSettings, Pillar
from saltern.controller.store import Store
from saltern.foundation.clock import SystemClock
from saltern.model.agent import Agent, KeyState
from saltern.testing.controller import agent_key

_SALT = """
import logging, sys, time
logging.disable(logging.CRITICAL)
import salt.config, salt.pillar
root, count = sys.argv[1], int(sys.argv[2])
opts = salt.config.minion_config(None)
opts.update(file_client="local", root_dir=root + "/salt", cachedir=root + "/salt/cache")
opts.update(pillar_roots={"base": [root]}, file_roots={"base": [root + "/none"]})
opts.update(extension_modules=root + "/salt/m")
began = time.perf_counter()
for number in range(count):
    grains = {"id": f"web{number}", "os": "Debian"}
    opts.update(id=f"web{number}", grains=grains)
    assert len(salt.pillar.Pillar(opts, grains, f"web{number}", "base").compile_pillar()) > 1
print((time.perf_counter() - began) / count)
"""


def run(quick: bool) -> Iterable[Row]:
    """Measure and yield the rows."""
    agents, keys = (50, 100) if quick else (1000, 1000)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        root = Path(scratch)
        _write(root, keys)
        text = (root / "data.sls").read_text()
        reading = best(3, lambda: yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))) * 1000
        salt = _salt(root, 3 if quick else 20)
        yield from asyncio.run(_measured(root, agents, keys, reading, salt))


def _write(root: Path, keys: int) -> None:
    (root / "top.sls").write_text("base:\n  'web*':\n    - data\n  'G@os:Debian':\n    - own\n")
    lines = (f"key{number}:\n  host: db{number}\n  port: {number}\n" for number in range(keys))
    (root / "data.sls").write_text("".join(lines))
    (root / "own.sls").write_text("me: {{ grains.id }}\n")


async def _measured(root: Path, agents: int, keys: int, reading: float, salt: str) -> list[Row]:
    settings = ControllerSettings(
        pillar=Pillar(backends=[{"roots": {"base": [str(root)]}}], cache_bytes=2**30)
    )
    clock = SystemClock()
    async with await Store.open(f"sqlite:///{root / 'store.db'}", anchor=root / "anchor") as store:
        fleet = Fleet(store, Groups({}, root), clock, lambda change: None)
        places = PillarPlaces(settings=root, directory=root / "kept", usual=root / "none")
        pillars = Pillars(fleet=fleet, settings=settings, places=places, clock=clock)
        everyone = [_agent(fleet, number) for number in range(agents)]
        rows = []
        for what in ("first", "again", "after an edit of one file"):
            if what.startswith("after"):
                (root / "own.sls").write_text("me: {{ grains.id }}\nmore: 1\n")
            began = time.perf_counter()
            await asyncio.gather(*(pillars.pillar(agent) for agent in everyone))
            each = (time.perf_counter() - began) * 1000 / agents
            name = f"pillar of {keys:,} keys, {agents:,} agents, {what}: each"
            rows.append(
                Row(what=name, value=each, unit="ms", reference=reading, of="reading its YAML", salt=salt)
            )
        own = psutil.Process()
        rows.append(_memory("the controller's process", own.memory_info().rss))
        rows += [_memory("a process that renders", one.memory_info().rss) for one in own.children()[:1]]
        await pillars.close()
        return rows


def _memory(what: str, size: int) -> Row:
    return Row(what=f"memory of {what}", value=size / 2**20, unit="MiB")


def _agent(fleet: Fleet, number: int) -> Agent:
    name = f"web{number}"
    agent = Agent(key=agent_key(name), name=name, state=KeyState.ACCEPTED, fingerprint="", created=0.0)
    fleet.put(agent)
    fleet.set_grains(agent.key, {"os": "Debian", "kernel": "Linux"})
    return agent


def _salt(root: Path, count: int) -> str:
    """Return what real Salt takes for one, where it is there."""
    python = os.environ.get("SALT_PYTHON")
    if not python:
        return ""
    done = subprocess.run([python, "-c", _SALT, root, str(count)], capture_output=True, text=True, check=True)
    return f"{float(done.stdout.split()[-1]) * 1000:,.1f} ms"
