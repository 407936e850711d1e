"""Our HTTP API, /api/v1."""
