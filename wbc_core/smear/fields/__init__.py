"""Cells found in whole fields: leukocytes, platelets and, as context and ruler, red cells."""
