"""Keep copies of GeoTessera's tiles in step: manifests per store, plans, verified copies."""
