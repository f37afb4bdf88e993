"""How the preflight is shown."""
