"""One delivery becomes one attempt: shape, send, decide. Pure but for the wire."""
