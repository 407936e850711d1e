"""The design a reader would write by hand: FastAPI, Celery, Redis, requests.

The same promise of retries, as a good engineer keeps it with these parts: the signature is checked,
the event is in Redis (append-only file, fsync before every answer) before it is acknowledged, each
listener has a task of its own that is acknowledged only after it has ended and tried again with
growing delays, and what is sent is signed. Postroom's other promises it does not make: no order
per envelope, no recognised repeats, no explanation, no record of attempts.
"""
