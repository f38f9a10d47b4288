"""The command line, where a test belongs to no other folder."""
