"""What `streamlit run` serves: the dashboard, with a first page of its own, packed."""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit.logger
from starlette.middleware import Middleware
from streamlit.starlette import App

from assay_frontend.addresses import Addresses
from assay_frontend.first_page import FirstPage
from assay_frontend.logs import hand_on, log_to_stderr
from assay_frontend.packed import Packed
from assay_frontend.settings import read_settings, without_login

_settings = read_settings()
log_to_stderr(_settings.log_level, _settings.log_format)
# which would give each logger that Streamlit makes from now on a handler and a form of its own
streamlit.logger.setup_formatter = hand_on
logging.getLogger(__name__).info(
    "The dashboard starts; its API is at %s", without_login(_settings.api_url)
)

app = App(
    Path(__file__).parent / "streamlit_app.py",
    middleware=[Middleware(Addresses), Middleware(FirstPage), Middleware(Packed)],
)
