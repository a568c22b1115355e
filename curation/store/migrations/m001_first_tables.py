"""Users, sessions, sources, items, annotations, drafts, model calls and frozen versions."""
from sqlalchemy import Column, Connection, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint


def apply(db: Connection) -> None:
    made = MetaData()
    Table("schema_version", made, Column("version", Integer, nullable=False))
    Table(
        "users", made,
        Column("name", String(80), primary_key=True),
        Column("role", String(20), nullable=False),
        Column("password_hash", Text),
        Column("lang", String(2), nullable=False),
        Column("created_at", String(32), nullable=False),
        Column("disabled_at", String(32)),
    )
    Table(
        "sessions", made,
        Column("token_hash", String(64), primary_key=True),
        Column("user", String(80), ForeignKey("users.name"), nullable=False),
        Column("created_at", String(32), nullable=False),
        Column("expires_at", String(32), nullable=False),
    )
    Table(
        "sources", made,
        Column("name", String(200), primary_key=True),
        Column("origin", Text, nullable=False),
        Column("revision", String(80)),
        Column("created_at", String(32), nullable=False),
        Column("created_by", String(80), nullable=False),
    )
    Table(
        "source_files", made,
        Column("source", String(200), ForeignKey("sources.name"), primary_key=True),
        Column("path", String(1000), primary_key=True),
        Column("sha256", String(64), nullable=False),
        Column("bytes", Integer, nullable=False),
        Column("encoding", String(20)),
        Column("lines", Integer),
        Column("problem", Text),
    )
    Table(
        "items", made,
        Column("id", String(40), primary_key=True),
        Column("task", String(40), nullable=False),
        Column("origin", String(20), nullable=False),
        Column("source", String(200)),
        Column("file", String(1000)),
        Column("line", Integer),
        Column("lang", String(2)),
        Column("payload", Text, nullable=False),
        Column("excerpt", Text, nullable=False),
        Column("group_key", String(1200), nullable=False),
        Column("flags", Text, nullable=False),
        Column("meta", Text, nullable=False),
        Column("seq", Integer, nullable=False),
        Column("created_at", String(32), nullable=False),
        Index("items_by_task", "task", "seq"),
        Index("items_by_file", "source", "file"),
    )
    Table(
        "annotations", made,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("item_id", String(40), ForeignKey("items.id"), nullable=False),
        Column("user", String(80), nullable=False),
        Column("role", String(20), nullable=False),
        Column("op_id", String(64), nullable=False),
        Column("action", String(20), nullable=False),
        Column("answer", Text),
        Column("explanation", Text, nullable=False),
        Column("reason", Text),
        Column("elapsed_ms", Integer),
        Column("undoes", Integer),
        Column("created_at", String(32), nullable=False),
        UniqueConstraint("op_id", "item_id", name="annotations_once"),
        Index("annotations_by_item", "item_id", "id"),
        Index("annotations_by_user", "user", "id"),
    )
    Table(
        "drafts", made,
        Column("item_id", String(40), primary_key=True),
        Column("user", String(80), primary_key=True),
        Column("fields", Text, nullable=False),
        Column("saved_at", String(32), nullable=False),
    )
    Table(
        "llm_calls", made,
        Column("request_hash", String(64), primary_key=True),
        Column("campaign", String(80), nullable=False),
        Column("ordinal", Integer, nullable=False),
        Column("request", Text, nullable=False),
        Column("status", String(20), nullable=False),
        Column("response", Text),
        Column("problem", Text),
        Column("prompt_tokens", Integer),
        Column("completion_tokens", Integer),
        Column("created_at", String(32), nullable=False),
        Index("llm_calls_by_campaign", "campaign", "ordinal"),
    )
    Table(
        "frozen", made,
        Column("name", String(80), primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("hash", String(64), nullable=False),
        Column("options", Text, nullable=False),
        Column("counts", Text, nullable=False),
        Column("created_at", String(32), nullable=False),
        Column("created_by", String(80), nullable=False),
    )
    made.create_all(db, checkfirst=False)
