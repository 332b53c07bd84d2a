"""The training flow's work as plain functions: no orchestrator, no hidden state."""
