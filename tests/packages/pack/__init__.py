"""`awslambdaric-lite pack`, and the archives, bytecode and wheels that it is made of."""
