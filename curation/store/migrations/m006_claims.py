"""Who has which item before them, and until when."""
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table


def apply(db: Connection) -> None:
    made = MetaData()
    Table(
        "claims", made,
        Column("item_id", String(40), primary_key=True),
        Column("slot", Integer, primary_key=True, autoincrement=False),
        Column("user", String(80), nullable=False),
        Column("expires_at", String(32), nullable=False),
    )
    made.create_all(db, checkfirst=False)
