"""Run folders: status, history and log of a training run, read and written without a training framework."""
