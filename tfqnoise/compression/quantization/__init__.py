"""Quantization-aware training through TF-MOT."""
