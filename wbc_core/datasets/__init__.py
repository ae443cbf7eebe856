"""Labelled pictures: where they come from, how they are split, and the cache that decodes each one once."""
