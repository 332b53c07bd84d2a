"""What a reader may choose; the address holds it, so that every view is a link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from assay_frontend.components.text import asked_text
from assay_frontend.i18n import Translator

T = TypeVar("T")


def choose_window(t: Translator, name: str, windows: Sequence[int], *, default: int) -> int:
    """How many bars are shown; `name` is the parameter's and the widget's."""
    value = parameter(
        name,
        lambda asked: next((window for window in windows if str(window) == asked), None),
        default,
        refusal=lambda asked: t(
            f"notice.{name}",
            value=asked,
            choices=", ".join(str(window) for window in windows),
            default=default,
        ),
    )
    st.session_state[name] = value
    st.segmented_control(
        t(f"window.{name}"), windows, required=True, key=name, on_change=lambda: follow(name)
    )
    return value


def choose_option(t: Translator, name: str, options: Sequence[str], *, default: str) -> str:
    """One of a few, side by side; `name` is the parameter's and the widget's."""
    value = parameter(
        name,
        lambda asked: asked if asked in options else None,
        default,
        refusal=lambda asked: t(
            f"notice.{name}",
            value=asked,
            choices=", ".join(options),
            default=t(f"choice.{name}.{default}"),
        ),
    )
    st.session_state[name] = value
    st.segmented_control(
        t(f"choice.{name}"),
        options,
        required=True,
        key=name,
        on_change=lambda: follow(name),
        format_func=lambda option: t(f"choice.{name}.{option}"),
    )
    return value


def window_asked(name: str, windows: Sequence[int], *, default: int) -> int:
    """The same without a control: what the address says, or the default."""
    asked = st.query_params.get(name)
    return next((window for window in windows if str(window) == asked), default)


def parameter(
    name: str, read: Callable[[str], T | None], default: T, *, refusal: Callable[[str], str]
) -> T:
    """What `read` makes of a query parameter; a notice and the default where it makes None.

    `refusal` gets the value made safe for Markdown.
    """
    asked = st.query_params.get(name)
    if asked is None:
        return default
    value = read(asked)
    if value is None:
        st.warning(refusal(asked_text(asked)))
        return default
    return value


def follow(name: str) -> None:
    """Writes what the widget of that name holds into the address."""
    st.query_params[name] = str(st.session_state[name])
