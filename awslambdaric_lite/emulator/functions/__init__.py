"""Functions behind front ends: versions and aliases, limits of concurrency, and the files that they share."""
