"""What one would use instead: each a program as one would write it, apart from the pipeline.

empty_chain        a bare Celery chain of three empty tasks: what Celery itself takes
plain_celery       three Celery tasks with requests, of an afternoon: retries, late acknowledgement, no ledger
plain_celery_told  the same, whose workers tell Flower of their tasks
thread_pool        a script with threads and requests, which keeps no state
ours               hands a manifest in, as `gong-ingest backfill` does behind its check

All of them are started when everything is imported and connected, so that none is measured by its imports
(`start.py`), and get what they need by the environment: API_URL, API_KEY, API_SECRET, BROKER_URL.
"""
