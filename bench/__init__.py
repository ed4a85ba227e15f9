"""Measurements, and the data they use."""
