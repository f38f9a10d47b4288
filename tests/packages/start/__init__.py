"""What starts the runtime where it is deployed with bytecode."""
