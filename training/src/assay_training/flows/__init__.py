"""The training flow: its steps in order, plainly and as a Prefect flow."""
