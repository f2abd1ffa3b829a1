"""What formulas ask of the machine that renders them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_they_can_tell_that_it_is_a_call_on_this_machine(saltern: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "who.sls").write_text("{{ opts.get('__cli') }}:\n  test.nop: []\n")
    done = saltern("call", "--local", "--file-root", str(tmp_path), "state.show_low_sls", "who", "--json")
    (low,) = json.loads(done.out)["data"]
    assert low["__id__"] == "salt-call"
