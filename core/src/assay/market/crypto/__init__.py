"""Exchanges' bars: named, fetched, kept and served by one feed."""
