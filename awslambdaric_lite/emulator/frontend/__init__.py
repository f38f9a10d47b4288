"""The front ends for callers: the Lambda API of SDKs, and the function URL."""
