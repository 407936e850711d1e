"""Bytes in, a notification out: authenticate, then normalise. Touches nothing."""
