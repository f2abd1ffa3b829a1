"""Random trees for the differential harness: requisites of every kind, orders, names, includes."""

from __future__ import annotations

import random
from typing import Any

import yaml

from saltern.testing.sls import Case

_KINDS = (
    *("require", "watch", "onchanges", "onfail", "require_any", "watch_any", "onchanges_any"),
    *("onfail_any", "onfail_all", "require_in", "watch_in", "onchanges_in", "onfail_in", "prereq"),
)
_FUNCTIONS = {"test": "nop", "pkg": "installed", "cmd": "run"}
_ORDERS: tuple[Any, ...] = ("first", "last", 1, 5, -1, -3, 20_000, 10_001)


def random_cases(seed: int, count: int) -> dict[str, Case]:
    """Return as many cases, the same for the same seed. At most one ``prereq`` is in each.

    (Salt orders chains of ``prereq`` by chance; see the case requisite-prereq-chain-in.)
    """
    names = [f"random-{seed}-{number}" for number in range(count)]
    return {name: _case(random.Random(name)) for name in names}  # noqa: S311 (meant to repeat)


def _case(chance: random.Random) -> Case:
    ids = [
        (f"{sls}{n}", chance.choice(list(_FUNCTIONS))) for sls in "abc" for n in range(chance.randint(1, 4))
    ]
    files: dict[str, dict[str, Any]] = {"a": {"include": ["b", "c"]}, "b": {}, "c": {}}
    kinds = list(_KINDS)
    for id, module in ids:
        arguments = []
        for kind in chance.sample(kinds, chance.choice([0, 0, 0, 1, 1, 2])):
            arguments += _requisite(chance, kind, id, ids)
            if kind == "prereq":
                kinds.remove(kind)
        if chance.random() < 0.3:
            arguments.append({"order": chance.choice(_ORDERS)})
        if chance.random() < 0.15:
            arguments.append({"names": [f"{id}-one", f"{id}-two"]})
        files[id[0]][id] = {f"{module}.{_FUNCTIONS[module]}": arguments}
    texts = {f"{sls}.sls": "#!yaml\n" + yaml.safe_dump(body, sort_keys=False) for sls, body in files.items()}
    return Case(about="random", files=texts)


def _requisite(chance: random.Random, kind: str, id: str, ids: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return a requisite on another id, by module or without, or on a whole SLS; nothing on itself."""
    turned = kind.endswith("_in")
    if not turned and chance.random() < 0.1:
        return [{kind: [{"sls": chance.choice("bc")}]}]
    other, module = chance.choice(ids)
    if other == id:
        return []
    return [{kind: [{module: other} if turned or chance.random() < 0.8 else other]}]
