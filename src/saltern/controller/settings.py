"""``controller.yaml``."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Fabric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The broker: embedded by default; with ``urls``, a NATS that runs elsewhere."""

    listen: str = "0.0.0.0:4222"  # address:port where agents dial in; [::]:4222 for IPv6 too
    advertise: list[str] = []  # host[:port] that join tokens name; default: this machine's addresses
    max_storage: int = 20 * 1024**3  # bytes of streams on disk
    sync: str = "10s"  # how long stored messages may wait for the disk; always: each is waited for
    urls: list[str] = []  # tls://host:port of an external NATS that trusts our operator
    ca: str = ""  # PEM file its certificates are checked with; default: ours
    host: str = ""  # the name in its certificates; default: ours
    replicas: int = 1  # servers of an external cluster that keep each stream


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may come in, and for how long a credential is good."""

    pending: bool = True  # may machines without a token wait to be accepted?
    pending_limit: int = 1000  # machines that may wait; more are refused
    credential_lifetime: str = "30d"  # agents get a new one at half of it


class Jobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long things may take, and how long they are kept."""

    timeout: str = "24h"  # a job that says nothing else is killed after this
    acknowledge: float = 3.0  # seconds until a connected agent is unresponsive
    silence: float = 35.0  # seconds without heartbeat until a running job is asked after
    disconnected_grace: float = 20.0  # seconds a running job's agent may be gone until the job is lost
    keep: str = "30d"  # jobs and returns older than this are removed
    keep_bytes: int = 10 * 1024**3  # of returns; beyond it the oldest are removed


class Targets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What targets may name besides agents."""

    nodegroups: dict[str, str | list[str]] = {}  # as in Salt: a compound expression, or its words
    clusters: str = ""  # folder of NAME.yaml for R@; default: ``clusters`` beside this file


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the files of ``salt://`` come from."""

    backends: list[dict[str, Any]] = []  # [{kind: options}], first come first served; default: /srv/salt
    ignore_glob: list[str] = []  # paths that are not served: globs of the whole path
    ignore_regex: list[str] = []  # and regexes, found anywhere in it


class ControllerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of ``controller.yaml``."""

    fabric: Fabric = msgspec.field(default_factory=Fabric)
    enrolment: Enrolment = msgspec.field(default_factory=Enrolment)
    jobs: Jobs = msgspec.field(default_factory=Jobs)
    targets: Targets = msgspec.field(default_factory=Targets)
    files: Files = msgspec.field(default_factory=Files)
    database: str = ""  # postgresql://user@host/name; default: SQLite in the state directory
    log_level: Literal["debug", "info", "warning", "error"] = "info"  # what is written to stderr
