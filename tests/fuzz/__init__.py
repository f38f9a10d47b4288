"""Fuzzing: every input of the corpus is replayed as a test, and atheris searches for further ones."""
