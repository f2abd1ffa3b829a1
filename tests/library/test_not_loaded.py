"""``test.not_loaded``: what a bare host can't do."""

from __future__ import annotations

import json

from saltern.engine.call import call
from saltern.sdk.registry import LIBRARY
from saltern.testing.host import FakeHost


def test_a_noun_is_missing_while_its_programs_are() -> None:
    needed = next(iter(LIBRARY.noun("cron").values())).module.REQUIRES
    bare = json.loads(call(FakeHost(), "test.not_loaded").data)
    assert "cron" in bare
    assert "file" not in bare
    equipped = FakeHost(programs=dict.fromkeys(needed, ""))
    assert "cron" not in json.loads(call(equipped, "test.not_loaded").data)
