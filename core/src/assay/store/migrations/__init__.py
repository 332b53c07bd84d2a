"""How the tables came to be what they are. A change of `schema.py` adds a file to `versions`."""
