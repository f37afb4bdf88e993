"""What the roles need."""
