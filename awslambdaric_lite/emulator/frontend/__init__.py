"""What callers see: the Lambda API that SDKs speak, and the function URL."""
