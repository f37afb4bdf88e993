"""How the work travels: Celery, and nothing that could live without it."""
