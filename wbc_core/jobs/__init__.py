"""The queue of training jobs and what works it off; each job is a process of its own."""
