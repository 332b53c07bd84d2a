"""Assay's training: networks, tuning, gate, bundle."""
