"""The STAC API: stac-fastapi-pgstac assembled with this catalogue's settings."""
