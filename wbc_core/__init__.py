"""Classification of white blood cells from smear images."""

__version__ = "0.1.0"
