"""Training: recipe, batches, loop, calibration and export."""
