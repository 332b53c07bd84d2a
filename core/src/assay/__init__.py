"""Assay's domain: bars, features, predictive distributions, scores, the bundle."""
