"""Pictures and labels: sources, splits, given labels and the training pipeline."""
