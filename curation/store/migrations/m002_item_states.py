"""The derived states of items, and failed sign-ins."""
from sqlalchemy import Column, Connection, Float, ForeignKey, Index, Integer, MetaData, String, Table

STATES_ANEW = True


def apply(db: Connection) -> None:
    made = MetaData()
    items = Table("items", made, Column("id", String(40), primary_key=True))  # is there: only for the reference to it
    states = Table(
        "item_states", made,
        Column("item_id", String(40), ForeignKey(items.c.id), primary_key=True),
        Column("task", String(40), nullable=False),
        Column("source", String(200)),
        Column("seq", Integer, nullable=False),
        Column("score", Float, nullable=False),
        Column("status", String(20), nullable=False),
        Column("answers", Integer, nullable=False),
        Index("item_states_by_task", "task", "status", "seq"),
        Index("item_states_by_status", "status", "seq"),
        Index("item_states_by_score", "status", "score", "seq"),
    )
    failures = Table(
        "sign_in_failures", made,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("name", String(80), nullable=False),
        Column("failed_at", String(32), nullable=False),
        Index("sign_in_failures_by_name", "name", "failed_at"),
    )
    made.create_all(db, tables=[states, failures], checkfirst=False)
