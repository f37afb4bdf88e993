"""Tests of the steps: a real server, a real client, and the simulator or a small server as the API."""
