"""RabbitMQ: its users, virtual hosts, policies, plugins and cluster."""

from __future__ import annotations

import json
from typing import Any

from saltern.library import _rabbitmq
from saltern.library._rabbitmq import listed, run, tags_of
from saltern.sdk import CommandFailed, Host

REQUIRES = ("rabbitmqctl",)


def list_users(host: Host, runas: str | None = None) -> dict[str, list[str]]:
    """Return the users with their tags.

    Example:
        saltern run '*' rabbitmq.list_users
    """
    return {one["user"]: tags_of(one["tags"]) for one in listed(host, "list_users", runas=runas)}


def user_exists(host: Host, name: str, runas: str | None = None) -> bool:
    """Tell whether there is a user.

    Example:
        saltern run '*' rabbitmq.user_exists app
    """
    return name in list_users(host, runas)


def add_user(host: Host, name: str, password: str | None = None, runas: str | None = None) -> bool:
    """Make a user; without a password nobody gets in as it. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.add_user app secret
    """
    import secrets

    run(host, "add_user", "--", _name(name), runas=runas, secret=password or secrets.token_urlsafe(32))
    if not password:
        clear_password(host, name, runas)
    return True


def delete_user(host: Host, name: str, runas: str | None = None) -> bool:
    """Remove a user. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.delete_user guest
    """
    run(host, "delete_user", "--", _name(name), runas=runas)
    return True


def change_password(host: Host, name: str, password: str, runas: str | None = None) -> bool:
    """Set a user's password. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.change_password app another
    """
    run(host, "change_password", "--", _name(name), runas=runas, secret=password)
    return True


def clear_password(host: Host, name: str, runas: str | None = None) -> bool:
    """Take a user's password away: nobody gets in with one. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.clear_password app
    """
    run(host, "clear_password", "--", _name(name), runas=runas)
    return True


def check_password(host: Host, name: str, password: str, runas: str | None = None) -> bool:
    """Tell whether it is a user's password. Raises Unavailable.

    Example:
        saltern run '*' rabbitmq.check_password app secret
    """
    try:
        run(host, "authenticate_user", "--", _name(name), runas=runas, secret=password)
    except CommandFailed:
        return False
    return True


def set_user_tags(host: Host, name: str, tags: str | list[str], runas: str | None = None) -> bool:
    """Have a user have exactly these tags. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.set_user_tags app monitoring,management
    """
    run(host, "set_user_tags", "--", _name(name), *tags_of(tags), runas=runas)
    return True


def list_vhosts(host: Host, runas: str | None = None) -> list[str]:
    """Return the names of the virtual hosts.

    Example:
        saltern run '*' rabbitmq.list_vhosts
    """
    return [one["name"] for one in listed(host, "list_vhosts", runas=runas)]


def vhost_exists(host: Host, name: str, runas: str | None = None) -> bool:
    """Tell whether there is a virtual host.

    Example:
        saltern run '*' rabbitmq.vhost_exists /app
    """
    return name in list_vhosts(host, runas)


def add_vhost(host: Host, vhost: str, runas: str | None = None) -> bool:
    """Make a virtual host. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.add_vhost /app
    """
    run(host, "add_vhost", "--", _name(vhost), runas=runas)
    return True


def delete_vhost(host: Host, vhost: str, runas: str | None = None) -> bool:
    """Remove a virtual host with all its queues. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.delete_vhost /app
    """
    run(host, "delete_vhost", "--", _name(vhost), runas=runas)
    return True


def set_permissions(
    host: Host,
    vhost: str,
    user: str,
    conf: str = ".*",
    write: str = ".*",
    read: str = ".*",
    runas: str | None = None,
) -> bool:
    """Say what a user may configure, write and read on a virtual host: patterns of names.

    Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.set_permissions /app app '^app-' '.*' '.*'
    """
    run(host, f"--vhost={vhost}", "set_permissions", "--", user, conf, write, read, runas=runas)
    return True


def list_permissions(host: Host, vhost: str, runas: str | None = None) -> dict[str, dict[str, str]]:
    """Return what users may do on a virtual host: ``{user: {configure, write, read}}``.

    Example:
        saltern run '*' rabbitmq.list_permissions /app
    """
    found = listed(host, f"--vhost={vhost}", "list_permissions", runas=runas)
    return {one.pop("user"): one for one in found}


def list_user_permissions(host: Host, name: str, runas: str | None = None) -> dict[str, dict[str, str]]:
    """Return what a user may do: ``{vhost: {configure, write, read}}``. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.list_user_permissions app
    """
    said = run(host, "list_user_permissions", "--formatter=json", "--", _name(name), runas=runas)
    return {one.pop("vhost"): one for one in json.loads(said)}


def list_policies(host: Host, vhost: str = "/", runas: str | None = None) -> dict[str, dict[str, Any]]:
    """Return a virtual host's policies: ``{name: {pattern, definition, priority, apply_to}}``.

    Example:
        saltern run '*' rabbitmq.list_policies /app
    """
    return {
        one["name"]: {
            "pattern": one["pattern"],
            "definition": _plain(one["definition"]),
            "priority": one["priority"],
            "apply_to": one["apply-to"],
        }
        for one in listed(host, f"--vhost={vhost}", "list_policies", runas=runas)
    }


def policy_exists(host: Host, vhost: str, name: str, runas: str | None = None) -> bool:
    """Tell whether a virtual host has a policy.

    Example:
        saltern run '*' rabbitmq.policy_exists /app mirrored
    """
    return name in list_policies(host, vhost, runas)


def set_policy(
    host: Host,
    vhost: str,
    name: str,
    pattern: str,
    definition: dict[str, Any] | str,
    priority: int | None = None,
    runas: str | None = None,
    apply_to: str | None = None,
) -> bool:
    """Set a policy of a virtual host. ``definition`` is a mapping, or JSON text of one. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.set_policy /app limits '^app-' '{max-length: 1000}'
    """
    text = definition if isinstance(definition, str) else json.dumps(definition)
    options = [] if priority is None else [f"--priority={priority}"]
    options += [f"--apply-to={apply_to}"] if apply_to else []
    words = (*options, "--", _name(name), pattern, text)
    run(host, f"--vhost={vhost}", "set_policy", *words, runas=runas)
    return True


def delete_policy(host: Host, vhost: str, name: str, runas: str | None = None) -> bool:
    """Remove a policy of a virtual host. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.delete_policy /app limits
    """
    run(host, f"--vhost={vhost}", "clear_policy", "--", _name(name), runas=runas)
    return True


def list_enabled_plugins(host: Host, runas: str | None = None) -> list[str]:
    """Return the names of the plugins that were enabled.

    Example:
        saltern run '*' rabbitmq.list_enabled_plugins
    """
    words = ("list", "--enabled", "--minimal")
    return run(host, *words, runas=runas, program="rabbitmq-plugins").split()


def list_available_plugins(host: Host, runas: str | None = None) -> list[str]:
    """Return the names of all plugins.

    Example:
        saltern run '*' rabbitmq.list_available_plugins
    """
    return run(host, "list", "--minimal", runas=runas, program="rabbitmq-plugins").split()


def plugin_is_enabled(host: Host, name: str, runas: str | None = None) -> bool:
    """Tell whether a plugin was enabled.

    Example:
        saltern run '*' rabbitmq.plugin_is_enabled rabbitmq_management
    """
    return name in list_enabled_plugins(host, runas)


def enable_plugin(host: Host, name: str, runas: str | None = None) -> bool:
    """Enable a plugin, and what it needs. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.enable_plugin rabbitmq_management
    """
    run(host, "enable", "--", _name(name), runas=runas, program="rabbitmq-plugins")
    return True


def disable_plugin(host: Host, name: str, runas: str | None = None) -> bool:
    """Disable a plugin. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.disable_plugin rabbitmq_management
    """
    run(host, "disable", "--", _name(name), runas=runas, program="rabbitmq-plugins")
    return True


def list_queues(host: Host, *args: str, runas: str | None = None) -> list[dict[str, Any]]:
    """Return the queues of ``/``; ``args`` are what to tell of them, name and messages unless given.

    Example:
        saltern run '*' rabbitmq.list_queues name messages consumers
    """
    return listed(host, "list_queues", *args, runas=runas)


def list_queues_vhost(host: Host, vhost: str, *args: str, runas: str | None = None) -> list[dict[str, Any]]:
    """Return the queues of a virtual host; ``args`` are what to tell of them.

    Example:
        saltern run '*' rabbitmq.list_queues_vhost /app name messages
    """
    return listed(host, f"--vhost={vhost}", "list_queues", *args, runas=runas)


def status(host: Host, runas: str | None = None) -> dict[str, Any]:
    """Return what the node says of itself. Raises Unavailable.

    Example:
        saltern run '*' rabbitmq.status
    """
    found: dict[str, Any] = json.loads(run(host, "status", "--formatter=json", runas=runas))
    return found


def cluster_status(host: Host, runas: str | None = None) -> dict[str, Any]:
    """Return the nodes of the cluster: ``{disk_nodes, running_nodes, …}``. Raises Unavailable.

    Example:
        saltern run '*' rabbitmq.cluster_status
    """
    found: dict[str, Any] = json.loads(run(host, "cluster_status", "--formatter=json", runas=runas))
    return found


def stop_app(host: Host, runas: str | None = None) -> bool:
    """Stop RabbitMQ, though not the node it runs in. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.stop_app
    """
    run(host, "stop_app", runas=runas)
    return True


def start_app(host: Host, runas: str | None = None) -> bool:
    """Start RabbitMQ in its node. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.start_app
    """
    run(host, "start_app", runas=runas)
    return True


def reset(host: Host, runas: str | None = None) -> bool:
    """Leave the cluster and forget everything; RabbitMQ must be stopped. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.reset
    """
    run(host, "reset", runas=runas)
    return True


def force_reset(host: Host, runas: str | None = None) -> bool:
    """Forget everything, whatever the cluster says; RabbitMQ must be stopped. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.force_reset
    """
    run(host, "force_reset", runas=runas)
    return True


def join_cluster(
    host: Host, host_: str, user: str = "rabbit", ram_node: bool | None = None, runas: str | None = None
) -> bool:
    """Have the node join another one's cluster; what it held is lost. Raises CommandFailed.

    Example:
        saltern run '*' rabbitmq.join_cluster rabbit1
    """
    stop_app(host, runas)
    run(host, "join_cluster", *(["--ram"] if ram_node else []), f"{user}@{host_}", runas=runas)
    return start_app(host, runas)


def _plain(definition: Any) -> Any:
    """Return a definition as data; some versions write it as text."""
    return json.loads(definition) if isinstance(definition, str) else definition


def _name(text: str) -> str:
    return _rabbitmq.name(text, "name")
