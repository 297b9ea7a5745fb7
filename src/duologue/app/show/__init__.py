"""A show as a part of the house: programme, stage, way out."""
