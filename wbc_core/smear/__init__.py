"""A smear: the cells of its fields, and the differential that is counted from cells."""
