"""Predictive distributions of gold's next log return, and how they are had."""
