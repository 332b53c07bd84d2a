"""What pages share and Streamlit draws: frame, banners, choices, charts, downloads."""
