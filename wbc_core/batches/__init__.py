"""Many pictures classified in one go, written down row by row, so that nothing done is lost or done twice."""
