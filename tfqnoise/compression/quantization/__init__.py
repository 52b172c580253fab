"""Quantization-aware training through TF-MOT."""

from tfqnoise import backend

# TF-MOT imports TensorFlow; this way it is loaded, and checked, where everything else loads it.
backend.tf  # noqa: B018
