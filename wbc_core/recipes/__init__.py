"""Training recipes: what a run depends on, checked without importing a training framework."""
