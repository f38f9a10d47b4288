"""An HTTP/1.1 server of h11 on asyncio, which knows nothing of Lambda."""
