"""Which screens does this user have, and where are they? Run by app.py for every session; never started directly.

Pages are named by absolute path, so that no file runs without this script (a `pages/` folder beside an entry script would). A page is
offered when its file exists and the user's role may use it.
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from curation import __version__
from curation.errors import UserError
from curation.model import Role
from ui import parts
from ui.session import COOKIE, Session, SignInNeeded, current
from ui.text import LANGS, lang, say, t

HERE = Path(__file__).resolve().parent
PAGES_DIR = HERE.parent / "pages"
EVERYONE: tuple[Role, ...] = ("annotator", "reviewer", "lead")
REVIEWERS: tuple[Role, ...] = ("reviewer", "lead")
LEADS: tuple[Role, ...] = ("lead",)
PAGES: list[tuple[str, tuple[Role, ...], str]] = [  # name, who may open it, icon
    ("home", EVERYONE, ":material/home:"),
    ("sources", REVIEWERS, ":material/folder_open:"),
    ("search", REVIEWERS, ":material/manage_search:"),
    ("label", EVERYONE, ":material/label:"),
    ("review", REVIEWERS, ":material/rate_review:"),
    ("prefer", REVIEWERS, ":material/compare:"),
    ("generate", LEADS, ":material/auto_awesome:"),
    ("rows", REVIEWERS, ":material/upload_file:"),
    ("freeze", LEADS, ":material/ac_unit:"),
    ("train", LEADS, ":material/model_training:"),
    ("report", LEADS, ":material/assessment:"),
    ("chat", REVIEWERS, ":material/forum:"),
    ("knowledge", EVERYONE, ":material/menu_book:"),
    ("users", EVERYONE, ":material/group:"),  # shows those who are no leads their own password alone
]


def page_file(name: str) -> Path:
    return PAGES_DIR / f"{name}.py"


def pages_for(role: Role) -> list[str]:
    """Names of the pages a role may open, in the order of the menu."""
    return [name for name, roles, _ in PAGES if role in roles and page_file(name).is_file()]


def main() -> None:
    st.set_page_config(page_title="FlowSight Workbench", page_icon=str(HERE / "icon.svg"), layout="wide", initial_sidebar_state=210)
    st.html(HERE / "style.css")
    try:
        session = current()
    except SignInNeeded as err:
        st.navigation([st.Page(_nothing, title=t("nav.sign_in"), default=True)], position="hidden").run()
        parts.show_error(err)
        return
    except UserError as err:
        st.navigation([st.Page(_nothing, title="FlowSight", default=True)], position="hidden").run()
        parts.show_error(err)
        return
    names = pages_for(session.actor.role)
    icons = {name: icon for name, _, icon in PAGES}
    menu = {
        name: st.Page(page_file(name), title=t(f"nav.{name}"), icon=icons[name], url_path=name, default=name == names[0]) for name in names
    }
    st.session_state[parts.PAGES_KEY] = menu
    page = st.navigation(list(menu.values()), position="hidden")
    _sidebar(session, menu)
    parts.show_pending()
    try:
        page.run()
    except UserError as err:
        parts.show_error(err)


def _nothing() -> None:
    return None


def _sidebar(session: Session, menu: Mapping[str, object]) -> None:
    with st.sidebar:
        st.markdown(f"**{t('app.name')}**")
        for page in menu.values():
            st.page_link(page)  # type: ignore[arg-type]
        st.divider()
        _languages()
        st.caption(parts.escaped(f"{session.actor.name} · {t(f'app.role_{session.actor.role}')}"))
        if st.context.cookies and COOKIE in dict(st.context.cookies):
            parts.leave_for("/sign-out", t("nav.sign_out"))
        st.caption(t("app.version", version=__version__))


def _languages() -> None:
    """Links, not a widget: the choice must outlive a reload, so a plain HTTP route sets its cookie and the screen comes back anew
    (a select box that stays would keep showing its choice in the language before)."""
    links = [
        f"<span aria-current='true'>{say(code, 'app.own_name')}</span>" if code == lang()
        else f"<a href='/language/{code}' lang='{code}'>{say(code, 'app.own_name')}</a>"
        for code in LANGS
    ]
    st.html(f"<nav class='fs-languages' aria-label='{t('app.language')}'>{''.join(links)}</nav>")


if __name__ == "__main__":
    main()
