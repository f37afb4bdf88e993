"""How the preflight is shown: its problems in groups, and when the manifest would be done."""
