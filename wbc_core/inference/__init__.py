"""Model cards, file integrity, ONNX Runtime sessions and batched prediction. Never imports Keras or TensorFlow."""

import os

# ONNX Runtime reports usage to its maker unless told not to before it is imported. Nothing leaves this host.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
