"""What every screen does the same way: a save that cannot happen twice."""
from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ui import parts


def _two_presses() -> None:
    """One form whose operation id stays, as for a second press that came while the first one still worked."""
    import streamlit as st

    from curation.errors import NotFound
    from ui import parts

    def write() -> None:
        st.session_state["tries"] = st.session_state.get("tries", 0) + 1
        if st.session_state["tries"] == 1:
            raise NotFound(kind="item", name="x")

    st.button("save", key="save", on_click=parts.run_guarded, args=(write,), kwargs={"op": "of the form"})


def test_a_press_is_tried_again_after_an_error_and_never_after_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "DWELL_S", 0.0)
    app = AppTest.from_function(_two_presses).run()
    for tries in (1, 2, 2, 2):
        app.button(key="save").click().run()
        assert not app.exception
        assert app.session_state["tries"] == tries


def test_of_a_long_line_the_part_around_the_name_is_shown() -> None:
    line = "{ " + "CMD_DOC_NONE, " * 30 + "my_handler, -2 }"
    assert "my_handler" in parts.code_span(line, name="my_handler") and len(parts.code_span(line, name="my_handler")) <= 76 + 4
    assert parts.code_span(line).endswith("… `") and "my_handler" not in parts.code_span(line)
    assert parts.code_span("short(my_handler)", name="my_handler") == "` short(my_handler) `"
