"""What `streamlit run` serves: the dashboard, with a first page of its own."""

from __future__ import annotations

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from assay_frontend.first_page import FirstPage

app = App(Path(__file__).parent / "streamlit_app.py", middleware=[Middleware(FirstPage)])
