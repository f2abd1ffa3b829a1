"""``onlyif``, ``unless``, ``creates`` and ``check_cmd``: whether a state runs, and whether it did well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.engine.slots import filled
from saltern.sdk import BadArgument, Host, SalternError
from saltern.sdk.traverse import traverse
from saltern.sls.low import Chunk

#: Arguments of a state that its conditions' commands take as well.
_SHARED = (*("cwd", "runas", "env", "prepend_path", "umask", "timeout", "success_retcodes", "shell"),)


class Verdict(msgspec.Struct, frozen=True):
    """Whether a state is to run, and why (not)."""

    run: bool
    comment: str = ""


def verdict(host: Host, chunk: Chunk) -> Verdict:
    """Return whether the chunk's conditions let it run.

    Raises BadArgument for a condition that is neither a command nor a call.
    """
    options = _options(chunk)
    reasons: list[str] = []
    wanted = chunk.globals
    if wanted.onlyif is not None and not all(_holds(host, one, options, False) for one in wanted.onlyif):
        reasons.append("onlyif condition is false")
    if wanted.unless and all(_holds(host, one, options, True) for one in wanted.unless):
        reasons.append("unless condition is true")
    if wanted.creates and all(map(host.exists, wanted.creates)):
        only = len(wanted.creates) == 1
        reasons.append(f"{wanted.creates[0]} exists" if only else "All files in creates exist")
    return Verdict(not reasons, "\n".join(reasons))


def check_commands(host: Host, chunk: Chunk) -> Verdict:
    """Return whether every ``check_cmd`` is content with what the state did."""
    options = {key: value for key, value in _options(chunk).items() if key in ("shell", "cwd", "runas")}
    for one in chunk.globals.check_cmd or ():
        if not _holds(host, one, options, False):
            return Verdict(False, f"check_cmd determined the state failed: {_shown(one)}")
    return Verdict(True, "check_cmd determined the state succeeded")


def _options(chunk: Chunk) -> dict[str, Any]:
    return {
        name: chunk.low[name]
        for name in _SHARED
        if chunk.low.get(name) is not None and name not in chunk.globals.cmd_opts_exclude
    }


def _holds(host: Host, condition: Any, options: Mapping[str, Any], if_unable: bool) -> bool:
    """Tell whether a command ends with 0, or a call returns something true.

    A command that can't even be started counts as ``if_unable``: either way the state is not run.
    """
    if isinstance(condition, str):
        try:
            return _ends_well(host, condition, options)
        except SalternError:
            return if_unable
    if isinstance(condition, bool):
        return condition
    if isinstance(condition, Mapping) and "fun" in condition:
        return _answers(host, condition)
    raise BadArgument(
        f"a condition is a command, or a mapping with 'fun'; this is {condition!r}",
        hint="write - unless: test -e /x, or - unless: [{fun: file.file_exists, path: /x}]",
    )


def _ends_well(host: Host, command: str, options: Mapping[str, Any]) -> bool:
    named = {**options, "ignore_retcode": True, "python_shell": True, "hide_output": True}
    code = host.supply.call(host, "cmd.retcode", (command,), named)
    return bool(code == 0)


def _answers(host: Host, condition: Mapping[str, Any]) -> bool:
    named = dict(condition)
    fun, args, path = named.pop("fun"), named.pop("args", ()), named.pop("get_return", None)
    if not isinstance(args, Sequence) or isinstance(args, str):
        args = (args,)
    host.fail(0)
    found = host.supply.call(host, fun, filled(host, list(args)), filled(host, named))
    failed = host.retcode != 0
    host.fail(0)
    if path:
        found = traverse(found, path)
    return not failed and bool(found)


def _shown(condition: Any) -> str:
    return condition if isinstance(condition, str) else str(condition.get("fun", condition))
