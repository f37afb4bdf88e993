"""What the README tells a newcomer to type, typed on machines on which nothing is installed yet."""
