"""Background work: the Celery application, its tasks and its schedule."""
