"""Assay's dashboard; it knows the API only."""
