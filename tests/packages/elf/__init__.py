"""Binaries: read, judged, and compared with what a real system makes of them."""
