"""Scores of forecasts, and tests of whether one is better than another."""
