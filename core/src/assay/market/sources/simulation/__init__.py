"""The simulated exchanges' world: chance, coins, days, steps of five minutes, and their parts.

Each module's docstring holds its part of the model.
"""
