"""Assay's REST API."""
