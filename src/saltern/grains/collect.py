"""All collectors together: each on its own, in bounded time, none able to spoil the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from saltern.grains.sources import Collector, built_in, from_directories, installed
from saltern.grains.static import from_file
from saltern.sdk import Host

#: Seconds that all collectors together may take.
PATIENCE = 3.0


class Grains(msgspec.Struct, frozen=True, kw_only=True):
    """Facts, and what could not be learnt: the collector's name and why."""

    values: dict[str, Any]
    errors: dict[str, str] = {}


def collect(
    host: Host,
    *,
    name: str | None = None,
    static: Mapping[str, Any] | None = None,
    directories: Sequence[str] = (),
    own: Sequence[Collector] | None = None,
    patience: float = PATIENCE,
) -> Grains:
    """Return the facts about ``host``; never fails, and takes ``patience`` seconds at most.

    A later source's value replaces an earlier one's: our own collectors, those of installed
    distributions (entry-point group ``saltern.grains``), the file ``grains`` beside the settings,
    ``static`` (the agent's settings), then the ``.py`` files of ``directories``. ``name``, the agent's,
    is the grain ``id`` whatever anybody says; ``own`` takes the place of our own collectors.
    """
    errors: dict[str, str] = {}
    built = [*(built_in() if own is None else own), *installed(errors)]
    custom = from_directories(directories, errors)
    file = Collector(f"{host.settings}/grains", from_file)
    results = _run_all(host, [*built, file, *custom], patience, errors)
    first = [*built, file]
    values = _merge(results, [collector.name for collector in first])
    values |= static or {}
    values |= _merge(results, [collector.name for collector in custom])
    if name is not None:
        values["id"] = name
    return Grains(values=values, errors=errors)


def learn(host: Host, collectors: Sequence[Collector], patience: float = PATIENCE) -> Grains:
    """Return what further collectors say; a later one's value replaces an earlier one's."""
    errors: dict[str, str] = {}
    results = _run_all(host, collectors, patience, errors)
    return Grains(values=_merge(results, [collector.name for collector in collectors]), errors=errors)


def _merge(results: Mapping[str, dict[str, Any]], names: list[str]) -> dict[str, Any]:
    return {key: value for name in names for key, value in results.get(name, {}).items()}


def _run_all(
    host: Host, collectors: Sequence[Collector], patience: float, errors: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Run every collector in a thread of its own; those not done in time are left behind."""
    results: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    threads = [_start(host, collector, results, failures) for collector in collectors]
    deadline = time.monotonic() + patience
    for collector, thread in zip(collectors, threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            failures[collector.name] = f"took longer than {patience:g} s"
    errors |= failures
    return {name: facts for name, facts in results.items() if name not in failures}


def _start(
    host: Host, collector: Collector, results: dict[str, dict[str, Any]], failures: dict[str, str]
) -> threading.Thread:
    def work() -> None:
        try:
            results[collector.name] = _plain(collector.collect(host))
        except Exception as error:  # a stranger's code: whatever it raises is its own affair
            failures[collector.name] = f"{type(error).__name__}: {error}"

    thread = threading.Thread(target=work, name=f"grains {collector.name}", daemon=True)
    thread.start()
    return thread


_decode: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode


def _plain(facts: object) -> dict[str, Any]:
    """Return facts as plain data, as every reader will see them. Raises TypeError for anything else."""
    if not isinstance(facts, Mapping):
        raise TypeError(f"a collector returns a mapping of names to facts, not {type(facts).__name__}")
    return _decode(msgspec.json.encode(facts))
