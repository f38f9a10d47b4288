"""Small functions to try, and events for them."""
