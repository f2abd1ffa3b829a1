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
    keep: str = "2d"  # how long content stays that no tree has any more, for runs that began with it
    push: bool = False  # may agents send files (cp.push)?
    push_bytes: int = 100 * 1024**2  # of one file sent
    push_agent_bytes: int = 1024**3  # of all files of one agent
    upload_bytes: int = 2 * 1024**3  # of all files that `saltern cp` has sent within ``keep``


class Mine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one agent may put into the mine, for other agents to read."""

    entries: int = 100  # functions, each with its data
    bytes: int = 1024 * 1024  # of all of them together


class Publish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds for agents that run functions on other agents, as far as ``peer`` lets them."""

    rate: int = 30  # functions that one agent may publish in a minute
    bytes: int = 64 * 1024  # of arguments
    longest: float = 30.0  # seconds that one may wait for answers


class Pillar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What agents are told in confidence, and by whom."""

    backends: list[dict[str, Any]] = []  # [{kind: options}] as for files; default: /srv/pillar
    trusted_grains: tuple[str, ...] = ("platform",)  # that may decide: names, ``platform``, or ``all``
    ext_pillar: list[dict[str, Any]] = []  # [{kind: options}]: other sources, merged in order
    ext_pillar_first: bool = False  # ask them before the SLS, which then see and override them
    source_merging_strategy: str = "smart"  # or recurse, aggregate, overwrite, list, none
    merge_lists: bool = False  # a list upon a list adds to it
    includes_override_sls: bool = False  # what is included counts more than what includes it
    functions: list[str] = []  # globs of functions that templates may call here besides the usual ones
    gpg_home: str = ""  # directory of gpg's keys; default: ``gpgkeys`` beside this file
    age_identity: str = ""  # file with age's identities; default: ``age.key`` beside this file
    options: dict[str, Any] = {}  # more that templates see as ``opts``, and Salt's names of compiler settings
    timeout: str = "30s"  # one rendering may take this long, other sources included
    processes: int = 0  # that render; 0: one for each processor, at most 4
    process_memory: int = 1024**3  # bytes one of them may take
    cache_bytes: int = 64 * 1024**2  # of pillars kept in memory
    cache_for: str = "1h"  # one that nothing has changed for is rendered anew after this
    index: bool = True  # render in the background too, so that targets can ask for pillar values


class Plans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Plans over a fleet (``saltern plan``)."""

    approval: Literal["none", "anyone", "another"] = "none"  # who must approve a plan before it is applied
    lifetime: str = "24h"  # a plan can be applied so long


class Drift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Looking whether agents are as their states declare them."""

    interval: str = ""  # how often everybody is looked at, e.g. 6h; empty: only when somebody asks
    splay: str = "10m"  # within which time the looks of one round begin
    target: str = "*"  # who is looked at: a compound expression


class ControllerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of ``controller.yaml``."""

    fabric: Fabric = msgspec.field(default_factory=Fabric)
    enrolment: Enrolment = msgspec.field(default_factory=Enrolment)
    jobs: Jobs = msgspec.field(default_factory=Jobs)
    targets: Targets = msgspec.field(default_factory=Targets)
    files: Files = msgspec.field(default_factory=Files)
    pillar: Pillar = msgspec.field(default_factory=Pillar)
    mine: Mine = msgspec.field(default_factory=Mine)
    peer: dict[str, list[str]] = {}  # agents that may publish, and the functions: regular expressions of both
    publish: Publish = msgspec.field(default_factory=Publish)
    returners: dict[str, dict[str, Any]] = {}  # name: {kind, …}; where else returns are delivered
    plans: Plans = msgspec.field(default_factory=Plans)
    drift: Drift = msgspec.field(default_factory=Drift)
    database: str = ""  # postgresql://user@host/name; default: SQLite in the state directory
    log_level: Literal["debug", "info", "warning", "error"] = "info"  # what is written to stderr
