"""Look from outside: does the service answer, did the job report."""
