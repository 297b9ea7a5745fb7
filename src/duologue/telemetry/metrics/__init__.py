"""The metrics of a house, by what they are of (OpenMetrics)."""
