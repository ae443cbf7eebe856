"""Metrics with intervals, calibration and the choice of an abstention threshold."""
