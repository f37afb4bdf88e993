"""How one logs in to Flower."""
