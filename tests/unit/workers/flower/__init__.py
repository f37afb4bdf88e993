"""What the pages for Flower decide without a server."""
