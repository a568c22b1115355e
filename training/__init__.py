"""Training: from a frozen dataset to a packaged model."""
