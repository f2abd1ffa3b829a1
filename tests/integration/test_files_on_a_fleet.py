"""Many agents that apply a tree of their controller's, while somebody edits it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from saltern.foundation import atomic
from saltern.model.status import Status
from saltern.testing.site import Outcome, Site

pytestmark = pytest.mark.integration
NAMES = [f"n{number:02}" for number in range(20)]
STATES = """
{% set here = grains.id %}
first:
  file.managed:
    - name: PLACE/{{ here }}.first
    - source: salt://version
{% for number in range(20) %}
between-{{ number }}:
  file.managed:
    - name: PLACE/{{ here }}.{{ number }}
    - source: salt://files/{{ number }}
{% endfor %}
last:
  file.managed:
    - name: PLACE/{{ here }}.last
    - source: salt://version
"""


class Editor(threading.Thread):
    """Writes another version of a file again and again, until it is stopped."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.stopped = threading.Event()
        self.number = 0

    def run(self) -> None:
        """Edit. Between two versions others have time to work."""
        while not self.stopped.wait(0.02):
            self.number += 1
            atomic.write(self.path, str(self.number).encode())


def contents(place: Path, what: str) -> dict[str, str]:
    return {name: (place / f"{name}.{what}").read_text() for name in NAMES}


def by_tree(outcome: Outcome, place: Path) -> dict[str, set[str]]:
    """Return which versions agents have, by the tree they say they had."""
    found: dict[str, set[str]] = {}
    for name, version in contents(place, "first").items():
        found.setdefault(outcome.settled[name].snapshot["base"], set()).add(version)
    return found


def test_every_run_has_one_tree_however_often_it_is_edited(tmp_path: Path) -> None:
    root, place = tmp_path / "srv", tmp_path / "place"
    (root / "files").mkdir(parents=True)
    place.mkdir()
    for number in range(20):
        (root / "files" / str(number)).write_text(f"content of {number}")
    (root / "version").write_text("0")
    (root / "all.sls").write_text(STATES.replace("PLACE", str(place)))
    settings = {"backends": [{"roots": {"base": [str(root)]}}]}
    with Site(tmp_path / "site", files=settings) as site:
        site.add(*NAMES)
        editor = Editor(root / "version")
        editor.start()
        seen: set[str] = set()
        try:
            for _ in range(2):
                outcome = site.run("*", "state.apply", "all")
                assert outcome.statuses() == dict.fromkeys(NAMES, Status.OK), outcome.settled
                assert contents(place, "first") == contents(place, "last")
                trees = by_tree(outcome, place)
                assert all(len(versions) == 1 for versions in trees.values()), trees
                seen |= trees.keys()
        finally:
            editor.stopped.set()
            editor.join()
        assert len(seen) > 1
        assert editor.number > 10
        last = site.run("*", "state.apply", "all")
        assert by_tree(last, place) == {last.settled["n00"].snapshot["base"]: {str(editor.number)}}
        assert site.controller.memory(site.controller.pid) < 300 * 1024 * 1024
