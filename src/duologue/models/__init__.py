"""Models that come as packages: the catalogue of what may be fetched, how it is fetched, the shelf where it lies."""
