"""What agents tell each other: each puts there what functions return, others read it.

The functions are those of the setting ``mine_functions``, in ``agent.yaml`` or the pillar: by name, with a
list or a mapping of arguments. Among these ``mine_function`` names another function to call, so that the
entry's name is an alias, and ``allow_tgt`` with ``allow_tgt_type`` a target: the agents that may read it.

Without an agent (``saltern call``) the mine is a file of this machine, and holds its own entries only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from saltern.library import config, match
from saltern.sdk import BadArgument, CommandFailed, Host, NotFound, SalternError

#: Bytes of data sent in one message.
_MESSAGE = 640 * 1024
_HIDDEN = ("mine_function", "allow_tgt", "allow_tgt_type")

Arguments = list[Any] | dict[str, Any] | None


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it is to be mined: what to call, and who may read what it returns."""

    name: str
    fun: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    allow: str = ""
    allow_kind: str = "glob"


def update(host: Host, clear: bool = False, mine_functions: dict[str, Any] | list[Any] | None = None) -> bool:
    """Call the mine's functions and put there what they return; what has not changed is not sent.

    ``clear`` takes away all that is not among them. Raises CommandFailed, when all else is done, with the
    functions that failed.

    Example:
        saltern run '*' mine.update
    """
    wanted = config.merge(host, "mine_functions", {}) if mine_functions is None else mine_functions
    made: dict[str, dict[str, Any]] = {}
    failed: list[str] = []
    for name, given in _named(wanted).items():
        try:
            made[name] = _returned(host, _entry(name, given))
        except Exception as error:  # whatever a function of somebody's raises: the others are mined
            failed.append(f"{name}: {error}")
    _put(host, made, only=clear)
    if failed:
        raise CommandFailed(f"not all of the mine's functions can be mined: {'; '.join(failed)}")
    return True


def send(host: Host, name: str, /, *args: Any, **kwargs: Any) -> bool:
    """Call one function and put there what it returns.

    ``mine_function`` names the function when ``name`` is an alias; ``allow_tgt`` and ``allow_tgt_type`` say
    who may read it.

    Example:
        saltern run '*' mine.send network.ip_addrs eth0
        saltern run '*' mine.send eth0_ip mine_function=network.ip_addrs interface=eth0 allow_tgt='web*'
    """
    _put(host, {name: _returned(host, _entry(name, [*args, kwargs]))}, only=False)
    return True


def get(
    host: Host,
    tgt: str | list[str],
    fun: str | list[str],
    tgt_type: str = "glob",
    exclude_minion: bool = False,
    delimiter: str = ":",
) -> dict[str, Any]:
    """Return what the agents meant have put there: ``{agent: data}``.

    Of several functions, a list or names with commas between, ``{function: {agent: data}}``. What the caller
    may not read is left out. ``exclude_minion`` leaves the caller itself out.

    Example:
        saltern run '*' mine.get 'role:db' network.ip_addrs grain
    """
    target = ",".join(tgt) if isinstance(tgt, list) else tgt
    names = fun if isinstance(fun, list) else [one.strip() for one in fun.split(",")]
    kind = "list" if isinstance(tgt, list) else tgt_type
    if host.agent is None:
        found = _own(host, target, kind, names)
    else:
        found = _asked(host, {"target": target, "kind": kind, "functions": names, "delimiter": delimiter})
    if exclude_minion:
        own = host.grains.get("id")
        found = {name: _without(agents, own) for name, agents in found.items()}
    if len(names) == 1 and isinstance(fun, str):
        return found.get(names[0], {})
    return {name: agents for name, agents in found.items() if agents}


def delete(host: Host, fun: str) -> bool:
    """Take one entry of this agent out of the mine.

    Example:
        saltern run '*' mine.delete network.ip_addrs
    """
    return _drop(host, [fun])


def flush(host: Host) -> bool:
    """Take all that this agent has put there out of the mine.

    Example:
        saltern run '*' mine.flush
    """
    return _drop(host, None)


def valid(host: Host) -> dict[str, Any]:
    """Return the mine's functions that this agent has: by name the arguments, of an alias with its function.

    Example:
        saltern run '*' mine.valid
    """
    found: dict[str, Any] = {}
    for name, given in _named(config.merge(host, "mine_functions", {})).items():
        entry = _entry(name, given)
        if not host.supply.has(entry.fun):
            continue
        arguments = [*entry.args, entry.kwargs] if entry.args and entry.kwargs else entry.args or entry.kwargs
        found[name] = arguments or [] if entry.fun == name else {entry.fun: arguments or []}
    return found


# --- what is to be mined ---------------------------------------------------------------------------------


def _named(wanted: Any) -> dict[str, Any]:
    """Return the functions by name; a list is of names, or of mappings with one."""
    if isinstance(wanted, Mapping):
        return {str(name): given for name, given in wanted.items()}
    if not isinstance(wanted, list):
        raise BadArgument("mine_functions is a mapping of functions, or a list of them")
    found: dict[str, Any] = {}
    for one in wanted:
        found |= _named(one) if isinstance(one, Mapping) else {str(one): None}
    return found


def _entry(name: str, given: Any) -> _Entry:
    """Read how an entry is written. Raises BadArgument."""
    args, kwargs = _apart(name, given)
    hidden = {key: kwargs.pop(key) for key in _HIDDEN if key in kwargs}
    allow, kind = hidden.get("allow_tgt") or "", str(hidden.get("allow_tgt_type") or "glob")
    if isinstance(allow, list):
        allow, kind = ",".join(map(str, allow)), "list"
    fun = str(hidden.get("mine_function") or name)
    return _Entry(name=name, fun=fun, args=args, kwargs=kwargs, allow=str(allow), allow_kind=kind)


def _apart(name: str, given: Any) -> tuple[list[Any], dict[str, Any]]:
    """Take arguments apart: mappings in a list are named ones."""
    if given is None:
        return [], {}
    if isinstance(given, Mapping):
        return [], {str(key): value for key, value in given.items()}
    if not isinstance(given, list):
        raise BadArgument(f"mine_functions: the arguments of {name} are a list or a mapping")
    kwargs = {str(key): value for one in given if isinstance(one, Mapping) for key, value in one.items()}
    return [one for one in given if not isinstance(one, Mapping)], kwargs


def _returned(host: Host, entry: _Entry) -> dict[str, Any]:
    """Call an entry's function and return what is to be put. Raises what it raises, CommandFailed."""
    if not host.supply.has(entry.fun):
        raise NotFound(f"there is no function {entry.fun!r}")
    host.fail(0)
    value = host.supply.call(host, entry.fun, entry.args, entry.kwargs)
    if host.retcode:
        code, host.retcode = host.retcode, 0
        raise CommandFailed(f"{entry.fun} failed with code {code}")
    data = msgspec.json.encode(value, enc_hook=str)
    content = msgspec.msgpack.encode([data, entry.allow, entry.allow_kind])
    return {
        "digest": hashlib.sha256(content).digest(),
        "data": data,
        "allow": entry.allow,
        "allow_kind": entry.allow_kind,
    }


# --- where it is kept ------------------------------------------------------------------------------------


def _put(host: Host, made: Mapping[str, dict[str, Any]], *, only: bool) -> None:
    if host.agent is None:
        _keep(host, made, only)
        return
    known = {name: {**one, "data": None} for name, one in made.items()}
    lacking = (
        host.agent.consult("mine_put", {"entries": known, "only": only})["lacking"] if made or only else ()
    )
    for some in _parts(made, lacking):
        host.agent.consult("mine_put", {"entries": some})


def _parts(made: Mapping[str, dict[str, Any]], names: Iterable[str]) -> Iterable[dict[str, dict[str, Any]]]:
    """Give the entries in portions that fit into a message each."""
    part: dict[str, dict[str, Any]] = {}
    size = 0
    for name in names:
        length = len(made[name]["data"])
        if part and size + length > _MESSAGE:
            yield part
            part, size = {}, 0
        part[name] = made[name]
        size += length
    if part:
        yield part


def _asked(host: Host, question: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Ask the controllers, part after part."""
    assert host.agent is not None
    found: dict[str, dict[str, Any]] = {}
    after: Any = None
    while True:
        answer = host.agent.consult("mine_get", {**question, "after": after})
        for name, agents in msgspec.json.decode(answer["data"], type=dict[str, dict[str, Any]]).items():
            found.setdefault(name, {}).update(agents)
        after = answer.get("after")
        if not after:
            return found


def _drop(host: Host, names: list[str] | None) -> bool:
    if host.agent is not None:
        host.agent.consult("mine_drop", {"functions": names})
        return True
    kept = {} if names is None else {name: one for name, one in _kept(host).items() if name not in names}
    _write(host, kept)
    return True


def _keep(host: Host, made: Mapping[str, dict[str, Any]], only: bool) -> None:
    known = {} if only else _kept(host)
    _write(host, known | {name: msgspec.Raw(one["data"]) for name, one in made.items()})


def _own(host: Host, target: str, kind: str, names: list[str]) -> dict[str, dict[str, Any]]:
    if not match.matches(host, target, kind):
        return {}
    own, kept = str(host.grains.get("id", "local")), _kept(host)
    return {name: {own: kept[name]} for name in names if name in kept}


def _kept(host: Host) -> dict[str, Any]:
    text = host.text(_path(host), "{}")
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SalternError(
            f"the mine's file is damaged: {error}", where=_path(host), hint="remove it"
        ) from None


def _write(host: Host, kept: Mapping[str, Any]) -> None:
    host.make_directory(host.data, mode=0o700)
    host.write(_path(host), msgspec.json.encode(kept), mode=0o600)


def _path(host: Host) -> str:
    return f"{host.data}/mine.json"


def _without(agents: Mapping[str, Any], name: Any) -> dict[str, Any]:
    return {agent: data for agent, data in agents.items() if agent != name}
