"""Media at its places, each a real server."""
