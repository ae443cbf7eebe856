"""Programs for developers, run from the repository root."""
