"""Model cards, file integrity, ONNX Runtime sessions and batched prediction. Never imports Keras or TensorFlow."""
