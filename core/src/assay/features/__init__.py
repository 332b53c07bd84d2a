"""The one feature path, for training and for serving."""
