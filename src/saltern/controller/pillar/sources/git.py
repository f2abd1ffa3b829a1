"""``git``: another pillar tree, with a top file of its own, merged over what is there (``git_pillar``)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from saltern.controller.files.backend import Place as BackendPlace
from saltern.controller.files.backend import build
from saltern.controller.pillar.sources.registry import Ask, Asking, Place
from saltern.controller.pillar.trees import KeptTree
from saltern.engine.pillar import compile_pillar


def make(options: Any, place: Place) -> Ask:
    """Return the source; its options are those of the file backend ``git``. Raises SettingsError."""
    (backend,) = build([{"git": options}], BackendPlace(place.directory))
    due = 0.0

    def ask(asking: Asking, name: str, pillar: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal due
        if time.monotonic() >= due:
            backend.refresh()
            due = time.monotonic() + backend.interval
        return compile_pillar(asking.world, KeptTree([backend]), aids=asking.aids)

    return ask
