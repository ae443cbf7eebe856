"""Results as files that leave the program: CSV, XLSX and JSON."""
