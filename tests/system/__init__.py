"""System tests: the command as a user runs it."""
