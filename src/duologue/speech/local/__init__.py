"""What voices with a model of their own share: the worker process that runs it."""
