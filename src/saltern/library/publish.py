"""Running functions on other agents, as far as the controllers' settings let this one.

``peer`` in ``controller.yaml`` says which agents may publish which functions; nobody may by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from saltern.sdk import AgentControl, Host, Unavailable


def publish(
    host: Host,
    tgt: str,
    fun: str,
    arg: Any = None,
    tgt_type: str = "glob",
    returner: str = "",
    timeout: float = 5,
    via_master: str | None = None,
) -> dict[str, Any]:
    """Run a function on other agents; return what comes back within ``timeout`` seconds: ``{agent: data}``.

    ``arg`` is one argument or a list of them; ``name=value`` are named ones. ``returner`` and ``via_master``
    are accepted as Salt has them. Raises NotAllowed, Conflict (too often, too much).

    Example:
        saltern run web1 publish.publish 'db*' network.ip_addrs eth0
    """
    return _published(host, tgt, fun, arg, tgt_type, timeout)


def full_data(
    host: Host,
    tgt: str,
    fun: str,
    arg: Any = None,
    tgt_type: str = "glob",
    returner: str = "",
    timeout: float = 5,
) -> dict[str, Any]:
    """Do what ``publish`` does, and return ``{agent: {ret: data}}``.

    Example:
        saltern run web1 publish.full_data 'db*' test.ping
    """
    found = _published(host, tgt, fun, arg, tgt_type, timeout)
    return {agent: {"ret": data} for agent, data in found.items()}


def _published(host: Host, tgt: str, fun: str, arg: Any, kind: str, timeout: float) -> dict[str, Any]:
    args, kwargs = _arguments(arg)
    question = {"target": tgt, "fun": fun, "args": args, "kwargs": kwargs, "kind": kind, "timeout": timeout}
    answer = _agent(host).consult("publish", question)
    return msgspec.json.decode(answer["data"], type=dict[str, Any])


def _arguments(arg: Any) -> tuple[list[Any], dict[str, Any]]:
    """Take arguments apart: ``name=value`` with a plain name is a named one, and so is each of a mapping."""
    if arg is None:
        return [], {}
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for one in arg if isinstance(arg, list) else [arg]:
        name, equals, value = one.partition("=") if isinstance(one, str) else ("", "", "")
        if isinstance(one, Mapping):
            kwargs |= {str(key): each for key, each in one.items()}
        elif equals and name.isidentifier():
            kwargs[name] = _read(value)
        else:
            args.append(one)
    return args, kwargs


def _read(text: str) -> Any:
    """Return what a value on a command line stands for: numbers and the like, else text."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _agent(host: Host) -> AgentControl:
    if host.agent is None:
        raise Unavailable("no agent runs this call", hint="publish works through an agent: saltern run …")
    return host.agent
