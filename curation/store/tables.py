"""The tables, as SQLAlchemy Core. A change here comes with a step in migrations/ (append, never edit).

JSON columns hold canonical JSON text; times are UTC ISO 8601 with `Z`; ids of items are content hashes (model.stable_id)."""
from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.schema import SchemaItem

metadata = MetaData()


def _table(name: str, *columns: SchemaItem) -> Table:
    return Table(name, metadata, *columns)


schema_version = _table("schema_version", Column("version", Integer, nullable=False))

users = _table(
    "users",
    Column("name", String(80), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text),  # argon2id; NULL: cannot sign in (the local lead on loopback)
    Column("lang", String(2), nullable=False, default="en"),
    Column("created_at", String(32), nullable=False),
    Column("disabled_at", String(32)),
)

sessions = _table(
    "sessions",
    Column("token_hash", String(64), primary_key=True),  # SHA-256 of the cookie's random value
    Column("user", String(80), ForeignKey("users.name"), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
)

sign_in_failures = _table(
    "sign_in_failures",
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False),  # as typed, lower case; need not be a user
    Column("failed_at", String(32), nullable=False),
    Index("sign_in_failures_by_name", "name", "failed_at"),
)

sources = _table(
    "sources",
    Column("name", String(200), primary_key=True),
    Column("origin", Text, nullable=False),  # folder, archive name or git URL without credentials
    Column("revision", String(80)),  # git commit; NULL otherwise
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(80), nullable=False),
)

source_files = _table(
    "source_files",
    Column("source", String(200), ForeignKey("sources.name"), primary_key=True),
    Column("path", String(1000), primary_key=True),
    Column("sha256", String(64), nullable=False),  # of the bytes as imported: the blob's name
    Column("bytes", Integer, nullable=False),
    Column("encoding", String(20)),  # NULL: could not be decoded
    Column("lines", Integer),
    Column("problem", Text),  # why it gives no facts (code of an error plus values, JSON); NULL: none
)

items = _table(
    "items",
    Column("id", String(40), primary_key=True),
    Column("task", String(40), nullable=False),
    Column("origin", String(20), nullable=False),
    Column("source", String(200)),
    Column("file", String(1000)),
    Column("line", Integer),
    Column("lang", String(2)),
    Column("payload", Text, nullable=False),
    Column("excerpt", Text, nullable=False, default=""),
    Column("group_key", String(1200), nullable=False),
    Column("flags", Text, nullable=False, default="[]"),
    Column("meta", Text, nullable=False, default="{}"),
    Column("seq", Integer, nullable=False),  # order in which items are offered
    Column("created_at", String(32), nullable=False),
    Index("items_by_task", "task", "seq"),
    Index("items_by_file", "source", "file"),
)

annotations = _table(
    "annotations",
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("item_id", String(40), ForeignKey("items.id"), nullable=False),
    Column("user", String(80), nullable=False),
    Column("role", String(20), nullable=False),
    Column("op_id", String(64), nullable=False),
    Column("action", String(20), nullable=False),
    Column("answer", Text),
    Column("explanation", Text, nullable=False, default="{}"),
    Column("reason", Text),
    Column("elapsed_ms", Integer),
    Column("undoes", Integer),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("op_id", "item_id", name="annotations_once"),
    Index("annotations_by_item", "item_id", "id"),
    Index("annotations_by_user", "user", "id"),
    Index("annotations_by_undone", "undoes", "user"),  # both: SQLite would else look through all of the user's (132 s for 40,000)
)

# What resolve() makes of an item's annotations, rewritten in the transaction that writes one: never the truth, only the index that
# lets 100,000 items be filtered by state in SQL.
item_states = _table(
    "item_states",
    Column("item_id", String(40), ForeignKey("items.id"), primary_key=True),
    Column("task", String(40), nullable=False),
    Column("source", String(200)),
    Column("seq", Integer, nullable=False),
    Column("score", Float, nullable=False, default=0.0),  # of the proposal; 0 where there is none
    Column("site_column", Integer, nullable=False, default=1),  # of the site in its line, 1-based; 1 where there is none
    Column("status", String(20), nullable=False),
    Column("answers", Integer, nullable=False, default=0),  # people whose latest annotation is an answer
    Index("item_states_by_task", "task", "status", "seq"),
    Index("item_states_by_status", "status", "seq"),
    Index("item_states_by_score", "status", "score", "seq"),
)

# Who has which item before them: a slot is the number of people who have answered it (item_states.answers).
claims = _table(
    "claims",
    Column("item_id", String(40), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("user", String(80), nullable=False),
    Column("expires_at", String(32), nullable=False),
)

drafts = _table(
    "drafts",
    Column("item_id", String(40), primary_key=True),
    Column("user", String(80), primary_key=True),
    Column("fields", Text, nullable=False),
    Column("saved_at", String(32), nullable=False),
)

llm_calls = _table(
    "llm_calls",
    Column("request_hash", String(64), primary_key=True),  # model + messages + sampling + ordinal; never the key
    Column("campaign", String(80), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("request", Text, nullable=False),
    Column("status", String(20), nullable=False),  # answered, failed
    Column("response", Text),
    Column("problem", Text),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("created_at", String(32), nullable=False),
    Index("llm_calls_by_campaign", "campaign", "ordinal"),
)

frozen = _table(
    "frozen",
    Column("name", String(80), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("options", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(80), nullable=False),
)

# Rows that people added to the knowledge base: one entry a change, never altered; the last entry of a row is the row as it counts.
knowledge_changes = _table(
    "knowledge_changes",
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("row_id", String(200), nullable=False),
    Column("row", Text),  # the row as canonical JSON; NULL: withdrawn
    Column("user", String(80), nullable=False),
    Column("op_id", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("op_id", "row_id", name="knowledge_changes_once"),
    Index("knowledge_changes_by_row", "row_id", "id"),
)
