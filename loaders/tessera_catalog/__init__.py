"""The catalogue: grid, manifests, stores, database and loader of GeoTessera's tiles."""
