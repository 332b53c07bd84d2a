"""Command lines that work on the service's database."""
