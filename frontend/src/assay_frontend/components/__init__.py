"""Data made into charts, sentences and tables; none of them knows Streamlit or asks the API."""
