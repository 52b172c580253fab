"""Weights that are zero."""
