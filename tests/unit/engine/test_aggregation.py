"""States of a kind that are done at one go."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.engine.runner import Wishes
from saltern.engine.site import Site
from saltern.engine.states import perform
from saltern.sdk.registry import Package, Registry
from saltern.testing.host import FakeHost
from saltern.testing.sls import MemoryTree

NOUN = '''
"""Things in a bag; each packing is a line in /tmp/log."""
import msgspec
from saltern.sdk import Changes, Host, State


class In(State, frozen=True, kw_only=True):
    """See that a thing is in the bag."""

    more: tuple[str, ...] = ()

    def check(self, host: Host) -> Changes:
        """Return what is missing."""
        there = host.text("/tmp/bag", "").split()
        return Changes({one: "packed" for one in (self.name, *self.more) if one not in there})

    def apply(self, host: Host, changes: Changes) -> None:
        """Pack all of it at once."""
        host.write("/tmp/bag", " ".join([*host.text("/tmp/bag", "").split(), *changes]).encode())
        host.write("/tmp/log", f"{host.text('/tmp/log', '')}{' '.join(changes)}\\n".encode())

    def with_others(self, others: object) -> State:
        """Take the others' things along."""
        return msgspec.structs.replace(self, more=tuple(one.name for one in others))
'''

SLS = """
a: {{bag.in: [{{aggregate: {aggregate}}}]}}
b: {{bag.in: [{{aggregate: {aggregate}}}]}}
c: {{bag.in: [{{aggregate: {aggregate}}}, {{require: [{{bag: b}}]}}]}}
d: {{bag.in: [{{aggregate: {aggregate}}}, {{unless: 'true'}}]}}
"""


@pytest.mark.parametrize(("aggregate", "log"), [(True, "a b\nc\n"), (False, "a\nb\nc\n")])
def test_what_may_be_done_at_one_go_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aggregate: bool, log: str
) -> None:
    folder = tmp_path / f"nouns_{aggregate}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "bag.py").write_text(NOUN)
    monkeypatch.syspath_prepend(str(tmp_path))
    host = FakeHost(grains={"id": "me"}, files={"/bin/sh": {"mode": 0o755}}, programs={"/bin/sh -c true": ""})
    tree = MemoryTree({"base": {"it.sls": SLS.format(aggregate=aggregate)}})
    registry = Registry(Package(folder.name), Package("saltern.library"))
    site = Site(host, tree, opts={"id": "me"}, registry=registry)
    host.supply = site.supply
    found = perform(site, site.compile(["it"]), Wishes(), what="a test")
    assert [one["result"] for one in found.values()] == [True] * 4
    assert host.text("/tmp/bag").split() == ["a", "b", "c"]
    assert host.text("/tmp/log") == log
