"""The REST API as the dashboard sees it: a typed client, its answers and its errors."""
