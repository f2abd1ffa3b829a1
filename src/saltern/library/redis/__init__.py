"""Redis and Valkey: keys, the server itself, and a key or a master kept as it shall be."""

from __future__ import annotations

from typing import Any

from saltern.library._redis import Access, ask, client
from saltern.sdk import Host, NotAllowed, Unavailable, takes


def unavailable(host: Host) -> str:
    """Return why Redis can't be spoken to from here."""
    return "" if client(host) else "neither 'redis-cli' nor 'valkey-cli' is on this host"


@takes(Access)
def ping(host: Host, /, **options: Any) -> bool:
    """Tell whether the server answers.

    Example:
        saltern run '*' redis.ping
    """
    try:
        return bool(ask(host, Access(**options), "PING") == "PONG")
    except (NotAllowed, Unavailable):
        return False


@takes(Access)
def config_get(host: Host, /, pattern: str = "*", **options: Any) -> dict[str, str]:
    """Return the server's own settings that a pattern matches.

    Example:
        saltern run '*' redis.config_get 'maxmemory*'
    """
    return _pairs(ask(host, Access(**options), "CONFIG", "GET", pattern))


@takes(Access)
def config_set(host: Host, /, name: str, value: str, **options: Any) -> bool:
    """Set one of the server's own settings until it restarts. Raises CommandFailed.

    Example:
        saltern run '*' redis.config_set maxmemory 100mb
    """
    return bool(ask(host, Access(**options), "CONFIG", "SET", name, value=value) == "OK")


@takes(Access)
def hgetall(host: Host, /, key: str, **options: Any) -> dict[str, str]:
    """Return a hash.

    Example:
        saltern run '*' redis.hgetall app:users
    """
    return _pairs(ask(host, Access(**options), "HGETALL", key))


@takes(Access)
def hmset(host: Host, /, key: str, fields: dict[str, str | int | float], **options: Any) -> bool:
    """Set fields of a hash.

    Example:
        saltern run '*' redis.hmset app:users '{bob: 1, ann: 2}'
    """
    for field, value in fields.items():
        ask(host, Access(**options), "HSET", key, field, value=str(value))
    return True


@takes(Access)
def info(host: Host, /, **options: Any) -> dict[str, str]:
    """Return what the server says of itself, by names.

    Example:
        saltern run '*' redis.info
    """
    lines = str(ask(host, Access(**options), "INFO")).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


@takes(Access)
def slaveof(
    host: Host, /, master_host: str | None = None, master_port: int | str | None = None, **options: Any
) -> bool:
    """Have the server copy another one; without one it is a master again. Raises CommandFailed.

    Example:
        saltern run '*' redis.slaveof 192.0.2.1 6379
    """
    words = (master_host, master_port or 6379) if master_host else ("NO", "ONE")
    return str(ask(host, Access(**options), "SLAVEOF", *words)).startswith("OK")


@takes(Access)
def get_master_ip(host: Host, /, **options: Any) -> tuple[str, int]:
    """Return the address and port that the server copies; empty and 0 for a master.

    Example:
        saltern run '*' redis.get_master_ip
    """
    return current_master(Access(**options), host)


@takes(Access)
def time(host: Host, /, **options: Any) -> int:
    """Return the server's time in seconds since the epoch.

    Example:
        saltern run '*' redis.time
    """
    return int(ask(host, Access(**options), "TIME")[0])


@takes(Access)
def bgrewriteaof(host: Host, /, **options: Any) -> str:
    """Rewrite the log of changes in the background; return what the server says.

    Example:
        saltern run '*' redis.bgrewriteaof
    """
    return str(ask(host, Access(**options), "BGREWRITEAOF"))


@takes(Access)
def bgsave(host: Host, /, **options: Any) -> str:
    """Save to disk in the background; return what the server says.

    Example:
        saltern run '*' redis.bgsave
    """
    return str(ask(host, Access(**options), "BGSAVE"))


@takes(Access)
def dbsize(host: Host, /, **options: Any) -> int:
    """Return the number of keys.

    Example:
        saltern run '*' redis.dbsize
    """
    return int(ask(host, Access(**options), "DBSIZE"))


@takes(Access)
def delete(host: Host, /, *keys: str, **options: Any) -> int:
    """Remove keys; return how many there were.

    Example:
        saltern run '*' redis.delete app:cache
    """
    return int(ask(host, Access(**options), "DEL", *keys))


@takes(Access)
def exists(host: Host, /, key: str, **options: Any) -> bool:
    """Tell whether there is a key.

    Example:
        saltern run '*' redis.exists app:cache
    """
    return ask(host, Access(**options), "EXISTS", key) in (1, "OK")


@takes(Access)
def expire(host: Host, /, key: str, seconds: int, **options: Any) -> bool:
    """Have a key vanish after some seconds; return whether there is one.

    Example:
        saltern run '*' redis.expire app:cache 60
    """
    return ask(host, Access(**options), "EXPIRE", key, seconds) in (1, "OK")


@takes(Access)
def expireat(host: Host, /, key: str, timestamp: int, **options: Any) -> bool:
    """Have a key vanish at a moment, in seconds since the epoch; return whether there is one.

    Example:
        saltern run '*' redis.expireat app:cache 1900000000
    """
    return ask(host, Access(**options), "EXPIREAT", key, timestamp) in (1, "OK")


@takes(Access)
def flushall(host: Host, /, **options: Any) -> bool:
    """Remove all keys of all databases.

    Example:
        saltern run '*' redis.flushall
    """
    return ask(host, Access(**options), "FLUSHALL") in (1, "OK")


@takes(Access)
def flushdb(host: Host, /, **options: Any) -> bool:
    """Remove all keys of the database.

    Example:
        saltern run '*' redis.flushdb
    """
    return ask(host, Access(**options), "FLUSHDB") in (1, "OK")


@takes(Access)
def get_key(host: Host, /, key: str, **options: Any) -> str | None:
    """Return a key's text; nothing when there is none.

    Example:
        saltern run '*' redis.get_key app:version
    """
    found: str | None = ask(host, Access(**options), "GET", key)
    return found


@takes(Access)
def set_key(host: Host, /, key: str, value: str, **options: Any) -> bool:
    """Set a key to a text.

    Example:
        saltern run '*' redis.set_key app:version 1.2
    """
    return ask(host, Access(**options), "SET", key, value=value) in (1, "OK")


@takes(Access)
def hdel(host: Host, /, key: str, *fields: str, **options: Any) -> int:
    """Remove fields of a hash; return how many there were.

    Example:
        saltern run '*' redis.hdel app:users bob
    """
    return int(ask(host, Access(**options), "HDEL", key, *fields))


@takes(Access)
def hexists(host: Host, /, key: str, field: str, **options: Any) -> bool:
    """Tell whether a hash has a field.

    Example:
        saltern run '*' redis.hexists app:users bob
    """
    return ask(host, Access(**options), "HEXISTS", key, field) in (1, "OK")


@takes(Access)
def hget(host: Host, /, key: str, field: str, **options: Any) -> str | None:
    """Return a field of a hash; nothing when there is none.

    Example:
        saltern run '*' redis.hget app:users bob
    """
    found: str | None = ask(host, Access(**options), "HGET", key, field)
    return found


@takes(Access)
def hincrby(host: Host, /, key: str, field: str, increment: int = 1, **options: Any) -> int:
    """Add to a field of a hash; return the sum.

    Example:
        saltern run '*' redis.hincrby app:count hits 2
    """
    return int(ask(host, Access(**options), "HINCRBY", key, field, increment))


@takes(Access)
def hlen(host: Host, /, key: str, **options: Any) -> int:
    """Return the number of a hash's fields.

    Example:
        saltern run '*' redis.hlen app:users
    """
    return int(ask(host, Access(**options), "HLEN", key))


@takes(Access)
def hmget(host: Host, /, key: str, *fields: str, **options: Any) -> list[str | None]:
    """Return fields of a hash in their order.

    Example:
        saltern run '*' redis.hmget app:users bob ann
    """
    return list(ask(host, Access(**options), "HMGET", key, *fields))


@takes(Access)
def hset(host: Host, /, key: str, field: str, value: str, **options: Any) -> bool:
    """Set a field of a hash; return whether it is new.

    Example:
        saltern run '*' redis.hset app:users bob 1
    """
    return ask(host, Access(**options), "HSET", key, field, value=value) in (1, "OK")


@takes(Access)
def hsetnx(host: Host, /, key: str, field: str, value: str, **options: Any) -> bool:
    """Set a field of a hash unless it has one; return whether it was set.

    Example:
        saltern run '*' redis.hsetnx app:users bob 1
    """
    return ask(host, Access(**options), "HSETNX", key, field, value=value) in (1, "OK")


@takes(Access)
def hvals(host: Host, /, key: str, **options: Any) -> list[str]:
    """Return the values of a hash.

    Example:
        saltern run '*' redis.hvals app:users
    """
    return list(ask(host, Access(**options), "HVALS", key))


@takes(Access)
def keys(host: Host, /, pattern: str = "*", **options: Any) -> list[str]:
    """Return the keys that a pattern matches.

    Example:
        saltern run '*' redis.keys 'app:*'
    """
    return list(ask(host, Access(**options), "KEYS", pattern))


@takes(Access)
def key_type(host: Host, /, key: str, **options: Any) -> str:
    """Return what a key holds: string, list, set, zset, hash, stream or none.

    Example:
        saltern run '*' redis.key_type app:users
    """
    return str(ask(host, Access(**options), "TYPE", key))


@takes(Access)
def lastsave(host: Host, /, **options: Any) -> int:
    """Return when the server last saved to disk, in seconds since the epoch.

    Example:
        saltern run '*' redis.lastsave
    """
    return int(ask(host, Access(**options), "LASTSAVE"))


@takes(Access)
def llen(host: Host, /, key: str, **options: Any) -> int:
    """Return the length of a list.

    Example:
        saltern run '*' redis.llen app:jobs
    """
    return int(ask(host, Access(**options), "LLEN", key))


@takes(Access)
def lrange(host: Host, /, key: str, start: int, stop: int, **options: Any) -> list[str]:
    """Return a part of a list; -1 is its last place.

    Example:
        saltern run '*' redis.lrange app:jobs 0 -1
    """
    return list(ask(host, Access(**options), "LRANGE", key, start, stop))


@takes(Access)
def save(host: Host, /, **options: Any) -> bool:
    """Save to disk; the server does nothing else meanwhile.

    Example:
        saltern run '*' redis.save
    """
    return ask(host, Access(**options), "SAVE") in (1, "OK")


@takes(Access)
def smembers(host: Host, /, key: str, **options: Any) -> list[str]:
    """Return the members of a set, sorted.

    Example:
        saltern run '*' redis.smembers app:tags
    """
    return sorted(ask(host, Access(**options), "SMEMBERS", key))


@takes(Access)
def zcard(host: Host, /, key: str, **options: Any) -> int:
    """Return the number of a sorted set's members.

    Example:
        saltern run '*' redis.zcard app:scores
    """
    return int(ask(host, Access(**options), "ZCARD", key))


@takes(Access)
def zrange(host: Host, /, key: str, start: int, stop: int, **options: Any) -> list[str]:
    """Return a part of a sorted set; -1 is its last place.

    Example:
        saltern run '*' redis.zrange app:scores 0 -1
    """
    return list(ask(host, Access(**options), "ZRANGE", key, start, stop))


def current_master(access: Access, host: Host) -> tuple[str, int]:
    """Return the address and port that a server copies; empty and 0 for a master."""
    found = ask(host, access, "ROLE")
    return (found[1], found[2]) if found[0] == "slave" else ("", 0)


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
