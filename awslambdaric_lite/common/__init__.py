"""Small helpers that the tools share: JSON text, files, words. The runtime imports none of them."""
