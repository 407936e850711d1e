"""HTTP faces: the front door, our API."""
