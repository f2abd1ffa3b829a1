"""The fleet that targets are tried on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.targeting import Index

DATA = Path(__file__).parent / "data"


def read(name: str) -> Any:
    return yaml.safe_load((DATA / f"{name}.yaml").read_text())


@pytest.fixture(scope="session")
def fleet() -> Index:
    index = Index()
    for agent in read("fleet"):
        key = f"KEY-{agent['name']}"
        index.put(key, agent["name"], agent["grains"])
        index.set_pillar(key, agent["pillar"], rendered_at=1_000.0)
    return index


@pytest.fixture(scope="session")
def nodegroups() -> dict[str, Any]:
    groups: dict[str, Any] = read("nodegroups")
    return groups
