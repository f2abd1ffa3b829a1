"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_UNSETTLED = sa.text("unsettled")
_TROUBLED = sa.text(
    "status IN ('failed', 'refused', 'timed_out', 'cancelled', 'lost', 'offline', 'unresponsive')"
)
_ACCEPTED = sa.text("state = 'accepted'")


def upgrade() -> None:
    """Make every table."""
    _meta()
    _agents()
    _mine()
    _tokens()
    _jobs()
    _targets()
    _returns()
    _deliveries()
    _plans()
    _rollouts()
    _drift()
    _audit()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _meta() -> None:
    op.create_table(
        "meta",
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
        sqlite_with_rowid=False,
    )


def _agents() -> None:
    op.create_table(
        "agents",
        _text("key"),
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
        _text("grains"),
        sa.PrimaryKeyConstraint("key", name="pk_agents"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_agents_name", "agents", ["name"])
    op.create_index(
        "uq_agents_accepted_name",
        "agents",
        ["name"],
        unique=True,
        sqlite_where=_ACCEPTED,
        postgresql_where=_ACCEPTED,
    )
    op.create_table(
        "revoked_keys",
        _text("key"),
        _time("at"),
        sa.PrimaryKeyConstraint("key", name="pk_revoked_keys"),
        sqlite_with_rowid=False,
    )


def _mine() -> None:
    op.create_table(
        "mine",
        _text("key"),
        _text("function"),
        _time("updated"),
        _text("allow"),
        _text("allow_kind"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", "function", name="pk_mine"),
        sa.ForeignKeyConstraint(["key"], ["agents.key"], name="fk_mine_agents", ondelete="CASCADE"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        _text("id"),
        _time("created"),
        _time("expires"),
        sa.Column("uses_left", sa.Integer),
        _text("id_pattern"),
        _text("grains"),
        _text("creator"),
        _text("note"),
        _time("revoked", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.CheckConstraint("uses_left >= 0", name=op.f("ck_tokens_uses_left")),
        sqlite_with_rowid=False,
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        _text("jid"),
        _text("fun"),
        _text("args"),
        _text("kwargs"),
        _text("target"),
        _text("target_kind"),
        _text("user"),
        _time("created"),
        sa.Column("timeout", sa.Double, nullable=False),
        _time("queue_until", nullable=True),
        sa.Column("cancelled_by", sa.Text),
        _text("rollout"),
        _text("plan"),
        _text("returners"),
        sa.Column("weight", sa.BigInteger, nullable=False),
        sa.Column("removing", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("jid", name="pk_jobs"),
    )
    op.create_index("ix_jobs_user", "jobs", ["user", "jid"])
    op.create_index("ix_jobs_fun", "jobs", ["fun", "jid"])
    op.create_index("ix_jobs_created", "jobs", ["created", "jid"])


def _targets() -> None:
    op.create_table(
        "targets",
        _text("jid"),
        _text("key"),
        _text("name"),
        _text("status"),
        _time("updated"),
        _text("reason"),
        sa.Column("retcode", sa.Integer),
        _time("started", nullable=True),
        _time("finished", nullable=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("proven", sa.Boolean, nullable=False),
        sa.Column("unsettled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("jid", "key", name="pk_targets"),
        sa.ForeignKeyConstraint(["jid"], ["jobs.jid"], name="fk_targets_jobs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_targets_name", "targets", ["name", "jid"])
    op.create_index(
        "ix_targets_troubled",
        "targets",
        ["status", "jid"],
        sqlite_where=_TROUBLED,
        postgresql_where=_TROUBLED,
    )
    op.create_index(
        "ix_targets_unsettled",
        "targets",
        ["key", "jid"],
        sqlite_where=_UNSETTLED,
        postgresql_where=_UNSETTLED,
    )


def _returns() -> None:
    op.create_table(
        "returns",
        _text("jid"),
        _text("key"),
        sa.Column("error", sa.LargeBinary),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary),
        sa.Column("snapshot", sa.LargeBinary),
        sa.PrimaryKeyConstraint("jid", "key", name="pk_returns"),
        sa.ForeignKeyConstraint(["jid", "key"], ["targets.jid", "targets.key"], name="fk_returns_targets"),
    )
    op.create_table(
        "chunks",
        _text("jid"),
        _text("key"),
        sa.Column("n", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("jid", "key", "n", name="pk_chunks"),
        sa.ForeignKeyConstraint(["jid", "key"], ["targets.jid", "targets.key"], name="fk_chunks_targets"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        _text("returner"),
        _text("jid"),
        _text("key"),
        _time("since"),
        _time("due"),
        sa.Column("refused", sa.Text),
        sa.PrimaryKeyConstraint("returner", "jid", "key", name="pk_deliveries"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "returners",
        _text("name"),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("dropped", sa.BigInteger, nullable=False),
        _time("last_delivery", nullable=True),
        _text("error"),
        _time("error_at", nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_returners"),
        sqlite_with_rowid=False,
    )


def _plans() -> None:
    op.create_table(
        "plans",
        _text("id"),
        _time("created"),
        _text("creator"),
        _text("target"),
        _text("target_kind"),
        _text("states"),
        _text("saltenv"),
        _text("pillar"),
        _text("exclude"),
        _time("expires"),
        _text("jid"),
        _text("fingerprint"),
        _text("approved_by"),
        _time("approved_at", nullable=True),
        _text("reason"),
        _text("applied_by"),
        _time("applied_at", nullable=True),
        _text("applied_jid"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "plan_agents",
        _text("plan"),
        _text("key"),
        _text("name"),
        _text("fingerprint"),
        sa.Column("changes", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        _text("told"),
        _text("error"),
        sa.PrimaryKeyConstraint("plan", "key", name="pk_plan_agents"),
        sa.ForeignKeyConstraint(["plan"], ["plans.id"], name="fk_plan_agents_plans"),
    )


def _rollouts() -> None:
    op.create_table(
        "rollouts",
        _text("jid"),
        _text("record"),
        sa.Column("over", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("jid", name="pk_rollouts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        _text("name"),
        _text("holder"),
        _time("until"),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        sqlite_with_rowid=False,
    )


def _drift() -> None:
    op.create_table(
        "drift",
        _text("key"),
        _text("name"),
        _text("state"),
        _time("since"),
        _time("checked"),
        _text("jid"),
        _text("differs"),
        _text("error"),
        _text("missed"),
        sa.PrimaryKeyConstraint("key", name="pk_drift"),
        sqlite_with_rowid=False,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        _time("at"),
        _text("principal"),
        _text("action"),
        _text("target"),
        _text("decision"),
        _text("arguments"),
        _text("previous"),
        _text("hash"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
