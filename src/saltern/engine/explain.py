"""Why a state ended as it did: where it is written, what it was rendered to, what let it run or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from saltern.engine.encode import encode
from saltern.engine.journal import Head
from saltern.foundation import atomic
from saltern.sdk import NotFound, nearest
from saltern.sdk.secret import MASK, secrets_in
from saltern.sls.low import Chunk, Compiled

#: Beside a run's other records: what was written of each of its states.
FILE = "chunks.json"
#: Characters of an argument that are kept.
_LONGEST = 2000
#: Texts shorter than this are too common to be taken for a secret where they stand.
_SHORTEST = 4
_TELLING = ("passw", "passphrase", "secret", "token", "credential", "api_key", "private_key")

Results = Mapping[str, Mapping[str, Any]]


class Covering:
    """Covers secrets: those of the pillar wherever they stand, and values of telling names."""

    def __init__(self, pillar: Mapping[str, Any]) -> None:
        found = {str(one) for one in secrets_in(pillar) if len(one) >= _SHORTEST}
        self._secrets = sorted(found, key=len, reverse=True)

    def __call__(self, value: Any, name: str = "") -> Any:
        """Return ``value`` with all that nobody may see covered, and long texts cut."""
        if any(word in name.lower() for word in _TELLING) and not isinstance(value, bool | None):
            return MASK
        if isinstance(value, Mapping):
            return {str(key): self(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self(one, name) for one in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def written(chunk: Chunk, compiled: Compiled, cover: Covering) -> dict[str, Any]:
    """Return a state as it was rendered: ``where``, ``arguments``, and ``requisites`` as [type, key]."""
    names = [name for name in chunk.low if not name.startswith("__") and name not in _STRUCTURE]
    return {
        "where": str(chunk.where),
        "sls": chunk.sls,
        "arguments": {name: cover(chunk.low[name], name) for name in names},
        "requisites": [
            [one.type, compiled.chunks[target].key] for one in chunk.requisites for target in one.targets
        ],
    }


_STRUCTURE = frozenset({"state", "fun", "order", "name_order"})


def add_reasons(results: dict[str, dict[str, Any]], compiled: Compiled, cover: Covering) -> None:
    """Put with each state that has failed why: ``why`` is as ``written``, with its requisites' results.

    The requisites are those it has itself and, behind one that has failed, those of that one.
    """
    by_key = {chunk.key: chunk for chunk in compiled.chunks}
    for key, one in results.items():
        if one["result"] is False and key in by_key:
            told = written(by_key[key], compiled, cover)
            told["requisites"] = list(_path(key, by_key, compiled, results, {key}))
            one["why"] = told


def _path(
    key: str, by_key: Mapping[str, Chunk], compiled: Compiled, results: Results, seen: set[str]
) -> Iterator[dict[str, Any]]:
    for requisite in by_key[key].requisites:
        for target in requisite.targets:
            other = compiled.chunks[target]
            result = results.get(other.key, {})
            yield {
                "of": key,
                "type": requisite.type,
                "state": other.key,
                "where": str(other.where),
                "result": result.get("result"),
                "changed": bool(result.get("changes")),
                "ran": bool(result) and result.get("__state_ran__", True),
            }
            if result.get("result") is False and other.key not in seen:
                seen.add(other.key)
                yield from _path(other.key, by_key, compiled, results, seen)


def record(directory: Path, compiled: Compiled, cover: Covering) -> None:
    """Keep what was written of each state with the record of its run."""
    kept = {chunk.key: written(chunk, compiled, cover) for chunk in compiled.chunks}
    atomic.write(directory / FILE, encode(kept), durable=False)


def recorded(directory: Path, head: Head, state: str) -> dict[str, Any]:
    """Return what was written of a state when a run was made. Raises NotFound."""
    try:
        kept: dict[str, Any] = msgspec.json.decode((directory / head.run / FILE).read_bytes())
    except FileNotFoundError:
        raise NotFound(f"what run {head.run} was made of is not recorded") from None
    for key, told in kept.items():
        if state in (key, alike(key)):
            return {"state": key, **told}
    raise NotFound(f"run {head.run} had no state {state!r}", hint=nearest(state, map(alike, kept)))


def alike(key: str) -> str:
    """Return what a state has in common with itself on other machines: ``file.managed motd``."""
    parts: Sequence[str] = [*key.split("_|-", 3), "", "", ""]
    return f"{parts[0]}.{parts[3]} {parts[1]}"
