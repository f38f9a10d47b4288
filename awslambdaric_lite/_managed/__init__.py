"""Lambda Managed Instances: one parent with several workers, or one process for all invocations."""
