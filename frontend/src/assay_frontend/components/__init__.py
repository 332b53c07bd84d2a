"""Charts, sentences, tables and banners; none of them asks the API for anything."""
