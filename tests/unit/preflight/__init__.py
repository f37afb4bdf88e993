"""The preflight, part by part."""
