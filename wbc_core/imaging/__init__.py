"""Pictures: safe decoding, finding the cell, quality warnings and the preprocessing that a model card fixes."""
