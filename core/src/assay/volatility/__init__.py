"""How much a coin may move: estimators, the log-HAR model, risk, tails, regime, explanation."""
