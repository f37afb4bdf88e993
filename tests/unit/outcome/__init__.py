"""Tests of what each answer or failure does."""
