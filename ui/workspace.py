"""What must be there before the first click? The store, the local lead, and the demo corpus with its proposals.

Called once when the server starts; an existing workspace is left as it is.
"""
from __future__ import annotations

import logging

from curation import PROJECT
from curation.errors import UserError
from curation.freezing.publish import recover
from curation.people import users
from curation.settings import Settings, load_settings
from curation.sourcing import propose, sources
from curation.store import Store, items
from ui.session import shared_store

DEMO = PROJECT / "datasets" / "demo" / "src"
log = logging.getLogger("flowsight")


def open_workspace() -> Settings:
    """Makes what is missing. A fault in the demo corpus is logged and does not keep the server from starting."""
    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    store = shared_store(settings)
    users.local_lead(store)
    recover(store, settings.datasets_dir)
    known = [source.name for source in sources.list_sources(store)]
    if DEMO.is_dir() and known in ([], ["demo"]) and next(items.find(store, source="demo"), None) is None:
        try:
            add_demo(store, settings)
        except UserError:
            log.exception("the demo corpus could not be imported")
    return settings


def add_demo(store: Store, settings: Settings) -> None:
    """Imports the demo corpus as the source "demo" and proposes its sites. Again: changes nothing."""
    lead = users.local_lead(store)
    sources.import_folder(store, settings, lead, DEMO, name="demo")
    propose.propose_source(store, settings, lead, "demo")
