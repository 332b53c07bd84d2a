"""Bars, and how they are had."""
