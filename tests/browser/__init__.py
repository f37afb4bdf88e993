"""Our pages for Flower in a real browser; everything here is `long`."""
