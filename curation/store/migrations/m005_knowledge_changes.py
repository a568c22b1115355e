"""Rows that people added to the knowledge base."""
from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, Text, UniqueConstraint


def apply(db: Connection) -> None:
    made = MetaData()
    Table(
        "knowledge_changes", made,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("row_id", String(200), nullable=False),
        Column("row", Text),
        Column("user", String(80), nullable=False),
        Column("op_id", String(64), nullable=False),
        Column("created_at", String(32), nullable=False),
        UniqueConstraint("op_id", "row_id", name="knowledge_changes_once"),
        Index("knowledge_changes_by_row", "row_id", "id"),
    )
    made.create_all(db, checkfirst=False)
