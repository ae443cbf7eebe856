"""Importers: one file per layout in which labelled pictures are published; `registry` finds the one that fits."""
