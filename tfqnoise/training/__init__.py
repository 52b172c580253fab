"""The training engine: one Keras model that trains a plain functional network."""
