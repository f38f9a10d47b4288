"""Small functions to try things with, and events for them."""
