"""Colours and the style sheet, light and dark."""
