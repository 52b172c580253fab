"""Weights that take few values: trainable centroids of our own, and TF-MOT's clustering beside them."""
