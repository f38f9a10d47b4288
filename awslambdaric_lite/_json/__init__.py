"""JSON beyond the fast path: unusual values, orjson, long strings, error details."""
