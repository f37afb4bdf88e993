"""Whole systems under kills and faults: seeded, and audited against the simulator's own record."""
