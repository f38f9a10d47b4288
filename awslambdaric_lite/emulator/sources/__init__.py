"""Event sources that are polled: SQS queues, their filters, and their creation at a local endpoint."""
