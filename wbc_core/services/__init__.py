"""One module per use case; what the pages and the command line call."""
