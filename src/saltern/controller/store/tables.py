"""The schema as it stands now. How a database gets there is in ``migrations``; a test holds the two equal.

Times are seconds since the epoch, sizes bytes. ``key`` is an agent's public key, ``jid`` a job's id.
"""

from __future__ import annotations

import sqlalchemy as sa

#: Every schema this program knows, oldest first; the last is what ``metadata`` describes.
REVISIONS = ("0001",)

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

#: Which targets somebody still waits for. Written out, since SQLite uses a partial index only for the
#: very words it was made with.
UNSETTLED = sa.text("targets.unsettled")
#: Which targets ended otherwise than ok: few, and looked for. Written out likewise.
_TROUBLED = "status IN ('failed', 'refused', 'timed_out', 'cancelled', 'lost', 'offline', 'unresponsive')"
TROUBLED = sa.text(f"targets.{_TROUBLED}")


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)  # type: ignore[arg-type]


def _time(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


meta = sa.Table(
    "meta",
    metadata,
    _text("name", primary_key=True),
    _text("value"),
    sqlite_with_rowid=False,
)

agents = sa.Table(
    "agents",
    metadata,
    _text("key", primary_key=True),
    _text("name"),
    _text("state"),
    _text("fingerprint"),
    _time("created"),
    sa.Column("online", sa.Boolean, nullable=False),
    _time("since", nullable=True),
    _time("last_seen", nullable=True),
    _text("version"),
    _text("address"),
    _text("instance"),
    sa.Column("token", sa.Text),
    _text("grains"),  # JSON object
    sa.Index("ix_agents_name", "name"),
    sa.Index(
        "uq_agents_accepted_name",
        "name",
        unique=True,
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    ),
    sqlite_with_rowid=False,
)

revoked_keys = sa.Table(
    "revoked_keys",
    metadata,
    _text("key", primary_key=True),
    _time("at"),
    sqlite_with_rowid=False,
)

mine = sa.Table(
    "mine",
    metadata,
    _text("key", primary_key=True),
    _text("function", primary_key=True),
    _time("updated"),
    _text("allow"),  # a target: who may read it; empty: everybody
    _text("allow_kind"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),  # JSON
    sa.ForeignKeyConstraint(["key"], ["agents.key"], ondelete="CASCADE"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    _text("id", primary_key=True),
    _time("created"),
    _time("expires"),
    sa.Column("uses_left", sa.Integer),  # NULL: as many as wanted
    _text("id_pattern"),
    _text("grains"),  # JSON object
    _text("creator"),
    _text("note"),
    _time("revoked", nullable=True),
    sa.CheckConstraint("uses_left >= 0", name="uses_left"),
    sqlite_with_rowid=False,
)

jobs = sa.Table(
    "jobs",
    metadata,
    _text("jid", primary_key=True),
    _text("fun"),
    _text("args"),  # JSON array
    _text("kwargs"),  # JSON object
    _text("target"),
    _text("target_kind"),
    _text("user"),
    _time("created"),
    sa.Column("timeout", sa.Double, nullable=False),
    _time("queue_until", nullable=True),
    sa.Column("cancelled_by", sa.Text),
    _text("rollout"),  # JSON object or null
    _text("plan"),  # the plan it applies; empty: none
    _text("returners"),  # JSON array
    sa.Column("weight", sa.BigInteger, nullable=False),  # bytes it takes here, about
    sa.Column("removing", sa.Boolean, nullable=False),  # retention is taking it away, nobody sees it
    sa.Index("ix_jobs_user", "user", "jid"),
    sa.Index("ix_jobs_fun", "fun", "jid"),
    sa.Index("ix_jobs_created", "created", "jid"),
)

targets = sa.Table(
    "targets",
    metadata,
    _text("jid", primary_key=True),
    _text("key", primary_key=True),
    _text("name"),
    _text("status"),
    _time("updated"),
    _text("reason"),
    sa.Column("retcode", sa.Integer),
    _time("started", nullable=True),
    _time("finished", nullable=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("proven", sa.Boolean, nullable=False),
    # What follows from the status, kept so that the index need not look at it: updates take half the time.
    sa.Column("unsettled", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(["jid"], ["jobs.jid"]),
    sa.Index("ix_targets_name", "name", "jid"),
    sa.Index(
        "ix_targets_troubled",
        "status",
        "jid",
        sqlite_where=sa.text(_TROUBLED),
        postgresql_where=sa.text(_TROUBLED),
    ),
    sa.Index(
        "ix_targets_unsettled",
        "key",
        "jid",
        sqlite_where=sa.text("unsettled"),
        postgresql_where=sa.text("unsettled"),
    ),
    sqlite_with_rowid=False,
)

returns = sa.Table(
    "returns",
    metadata,
    _text("jid", primary_key=True),
    _text("key", primary_key=True),
    sa.Column("error", sa.LargeBinary),  # JSON of messages.v1.Error
    sa.Column("chunks", sa.Integer, nullable=False),  # 0: the data is in ``data``
    sa.Column("data", sa.LargeBinary),
    sa.Column("snapshot", sa.LargeBinary),  # JSON: the trees of files that were used, by environment
    sa.ForeignKeyConstraint(["jid", "key"], ["targets.jid", "targets.key"]),
)

chunks = sa.Table(
    "chunks",
    metadata,
    _text("jid", primary_key=True),
    _text("key", primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.ForeignKeyConstraint(["jid", "key"], ["targets.jid", "targets.key"]),
)

#: Returns that a returner is still to get, or has refused. The data stays where it is.
deliveries = sa.Table(
    "deliveries",
    metadata,
    _text("returner", primary_key=True),
    _text("jid", primary_key=True),
    _text("key", primary_key=True),
    _time("since"),
    _time("due"),  # not before; a controller that is at it has put this later
    sa.Column("refused", sa.Text),  # why, once the returner has refused it for good
    sqlite_with_rowid=False,
)

returners = sa.Table(
    "returners",
    metadata,
    _text("name", primary_key=True),
    sa.Column("delivered", sa.BigInteger, nullable=False),
    sa.Column("dropped", sa.BigInteger, nullable=False),
    _time("last_delivery", nullable=True),
    _text("error"),
    _time("error_at", nullable=True),
    sqlite_with_rowid=False,
)

plans = sa.Table(
    "plans",
    metadata,
    _text("id", primary_key=True),
    _time("created"),
    _text("creator"),
    _text("target"),
    _text("target_kind"),
    _text("states"),  # JSON array
    _text("saltenv"),
    _text("pillar"),  # JSON object
    _text("exclude"),  # JSON array
    _time("expires"),
    _text("jid"),
    _text("fingerprint"),  # empty until all agents have looked
    _text("approved_by"),
    _time("approved_at", nullable=True),
    _text("reason"),
    _text("applied_by"),
    _time("applied_at", nullable=True),
    _text("applied_jid"),
    sqlite_with_rowid=False,
)

plan_agents = sa.Table(
    "plan_agents",
    metadata,
    _text("plan", primary_key=True),
    _text("key", primary_key=True),
    _text("name"),
    _text("fingerprint"),
    sa.Column("changes", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("unknown", sa.Integer, nullable=False),
    _text("told"),  # JSON array of [key, words, mark]
    _text("error"),
    sa.ForeignKeyConstraint(["plan"], ["plans.id"]),
)

rollouts = sa.Table(
    "rollouts",
    metadata,
    _text("jid", primary_key=True),
    _text("record"),  # JSON of controller.rollout.Record
    sa.Column("over", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)

leases = sa.Table(
    "leases",
    metadata,
    _text("name", primary_key=True),
    _text("holder"),
    _time("until"),
    sqlite_with_rowid=False,
)

drift = sa.Table(
    "drift",
    metadata,
    _text("key", primary_key=True),
    _text("name"),
    _text("state"),
    _time("since"),
    _time("checked"),
    _text("jid"),
    _text("differs"),  # JSON array of [key, words, mark]
    _text("error"),
    _text("missed"),
    sqlite_with_rowid=False,
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _time("at"),
    _text("principal"),
    _text("action"),
    _text("target"),
    _text("decision"),
    _text("arguments"),  # JSON, secrets masked
    _text("previous"),
    _text("hash"),
)
