"""Tests of the webhook, with a real receiver and a real server."""
