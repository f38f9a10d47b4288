"""Applications of real frameworks as handlers."""
