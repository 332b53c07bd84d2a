"""The switch for the theme in the head of every page."""

from __future__ import annotations

import pytest

from assay_frontend.theme.palette import palette


def drawn_in(app, shade):
    """Whether the style sheet is of that shade."""
    colour = f"--assay-background:{palette(shade).background};"
    return any(colour in html.body for html in app.html)


@pytest.mark.parametrize(("shown", "other"), [("light", "dark"), ("dark", "light")])
def test_the_page_is_drawn_in_what_the_browser_shows_and_then_in_what_is_asked_for(
    open_view, words_of, shown, other
):
    app = open_view("gold", lang="es")
    app.context["theme"] = shown
    app.run()
    switch = app.segmented_control(key="shade")
    assert (switch.label, switch.options, switch.value) == ("Tema", ["Claro", "Oscuro"], shown)
    assert drawn_in(app, shown)
    assert "data-shade" not in words_of(app)
    switch.set_value(other).run()
    for _ in range(2):
        assert drawn_in(app, other)
        assert f'lang="es" data-shade="{other}"' in words_of(app)
        app.run()
    app.context["theme"] = other
    app.run()
    assert drawn_in(app, other)
    assert app.segmented_control(key="shade").value == other
    assert "data-shade" not in words_of(app)
    app.context["theme"] = shown
    app.run()
    assert drawn_in(app, shown)
