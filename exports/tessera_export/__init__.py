"""The catalogue as GeoParquet files: items as stac-geoparquet, and the table of tiles."""
