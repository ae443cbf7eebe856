"""Cell types, their names, ranges and roles, each fact with its source."""
