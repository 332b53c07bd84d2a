"""What `streamlit run` serves: the dashboard, with a first page of its own, packed."""

from __future__ import annotations

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from assay_frontend.first_page import FirstPage
from assay_frontend.packed import Packed

app = App(
    Path(__file__).parent / "streamlit_app.py",
    middleware=[Middleware(FirstPage), Middleware(Packed)],
)
