"""Format `tflm`: C++ for TensorFlow Lite Micro, from the samples of a clip to its class."""
