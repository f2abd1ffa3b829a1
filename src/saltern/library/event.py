"""Events: news for whoever listens on the controllers."""

from __future__ import annotations

from typing import Any

from saltern.sdk import Host, Unavailable


def send(
    host: Host,
    tag: str,
    data: dict[str, Any] | None = None,
    preload: dict[str, Any] | None = None,
    with_env: bool | list[str] = False,
    with_grains: bool | list[str] = False,
    with_pillar: bool | list[str] = False,
    with_env_opts: bool = False,
    /,
    **kwargs: Any,
) -> bool:
    """Publish an event: ``data`` and what else is named. Returns true when it is stored.

    ``with_grains``, ``with_pillar`` and ``with_env`` add all of them, or those of a list; ``with_env_opts``
    the environments of states and pillar. ``preload`` is accepted as Salt has it.

    Example:
        saltern run '*' event.send myco/deployed '{version: 7}' host=web1
    """
    found: dict[str, Any] = dict(data or {})
    if with_env:
        found["environ"] = _chosen(dict(host.environment), with_env)
    if with_grains:
        found["grains"] = _chosen(dict(host.grains), with_grains)
    if with_pillar:
        found["pillar"] = _chosen(dict(host.supply.pillar), with_pillar)
    if with_env_opts:
        opts = host.supply.opts
        found |= {"saltenv": opts.get("saltenv") or "base", "pillarenv": opts.get("pillarenv")}
    return _emit(host, tag, found | kwargs)


def fire_master(host: Host, data: Any, tag: str, preload: dict[str, Any] | None = None) -> bool:
    """Publish an event. Returns true when it is stored.

    Example:
        saltern run '*' event.fire_master '{version: 7}' myco/deployed
    """
    return _emit(host, tag, data if isinstance(data, dict) else {"data": data})


def fire(host: Host, data: Any, tag: str) -> bool:
    """Publish an event. An agent has no bus of its own: whoever listens does so on the controllers.

    Example:
        saltern run '*' event.fire '{version: 7}' myco/deployed
    """
    return fire_master(host, data, tag)


def _emit(host: Host, tag: str, data: dict[str, Any]) -> bool:
    if host.agent is None:
        raise Unavailable("no agent runs this call", hint="events go through an agent: saltern run …")
    host.agent.emit(tag, data)
    return True


def _chosen(found: dict[str, Any], which: bool | list[str]) -> dict[str, Any]:
    return {name: found[name] for name in which if name in found} if isinstance(which, list) else found
