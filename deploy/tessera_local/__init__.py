"""The private local stack: a PostGIS cluster, the API and Caddy, for demo and tests."""
