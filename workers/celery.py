"""The application of this process, made from the environment: what `celery -A workers` finds."""

from pipeline.settings import Settings
from workers.app import make_app

app = make_app(Settings.from_env())
