"""The column of a site among its derived states. They are made anew: since then people dispute what the task scores, nothing else."""
from sqlalchemy import Column, Connection, Float, ForeignKey, Index, Integer, MetaData, String, Table, text

STATES_ANEW = True


def apply(db: Connection) -> None:
    db.execute(text("DROP TABLE item_states"))
    made = MetaData()
    items = Table("items", made, Column("id", String(40), primary_key=True))  # is there: only for the reference to it
    states = Table(
        "item_states", made,
        Column("item_id", String(40), ForeignKey(items.c.id), primary_key=True),
        Column("task", String(40), nullable=False),
        Column("source", String(200)),
        Column("seq", Integer, nullable=False),
        Column("score", Float, nullable=False),
        Column("site_column", Integer, nullable=False),
        Column("status", String(20), nullable=False),
        Column("answers", Integer, nullable=False),
        Index("item_states_by_task", "task", "status", "seq"),
        Index("item_states_by_status", "status", "seq"),
        Index("item_states_by_score", "status", "score", "seq"),
    )
    made.create_all(db, tables=[states], checkfirst=False)
