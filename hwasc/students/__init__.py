"""A student's whole training, from initial weights to measured model files."""
