"""The differential of a smear: counts, percentages with the error of counting, flags and comparisons."""
