"""Compression while training: quantization now; each method in a room of its own. TF-MOT stays in here."""
