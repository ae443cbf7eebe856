"""The ``wbc`` command: thin over the services."""
