"""Reading packages of every kind, also hostile ones."""
