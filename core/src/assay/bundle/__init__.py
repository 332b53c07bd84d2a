"""The champion on disk: JSON and ONNX, checksummed; nothing in it can run code."""
