"""The Celery application: one task is one delivery, acknowledged late, tried again ever later."""

import random
from functools import cache
from typing import Any

import redis
import requests
from benchmarks.by_hand import settings
from celery import Celery
from celery.signals import worker_ready

MAX_RETRIES = 20
LONGEST = 60.0
"""The longest delay, in first delays: from ten seconds up to ten minutes as one would have it."""
TIMEOUT_SECONDS = (10, 100)
"""To connect, and to wait for the answer: Docusign's own patience."""

celery = Celery("by_hand", broker=f"redis+socket://{settings.SOCKET}")
celery.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=8,
    worker_send_task_events=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    # Longer than the longest delay: Redis would hand a waiting task out a second time.
    broker_transport_options={"visibility_timeout": 3600},
)


@cache
def store() -> Any:
    """Return this process's connection to Redis."""
    return redis.Redis(unix_socket_path=settings.SOCKET)


@cache
def session() -> requests.Session:
    """Return this process's kept connections to listeners."""
    made = requests.Session()
    made.trust_env = False  # no look for proxies and .netrc with every call
    return made


@celery.task(bind=True, max_retries=MAX_RETRIES)
def deliver(task: Any, event_id: str, name: str) -> None:
    """Deliver one event to one listener, or try again later."""
    body = store().get(settings.event_key(event_id))
    headers = {
        "Content-Type": "application/json",
        "X-Authorization-Digest": "HMACSHA256",
        "X-DocuSign-Signature-1": settings.signature(body),
    }
    try:
        answer = session().post(
            settings.LISTENERS[name]["url"], data=body, headers=headers, timeout=TIMEOUT_SECONDS
        )
        answer.raise_for_status()
    except requests.RequestException as problem:
        raise task.retry(exc=problem, countdown=delay_seconds(task.request.retries)) from problem


def delay_seconds(retries: int) -> float:
    """Return how long to wait before the next try: doubled each time, with jitter, bounded."""
    grown = min(2.0**retries, LONGEST)
    jitter = random.uniform(0.9, 1.1)  # noqa: S311  # jitter, not a secret
    return settings.FIRST_RETRY_SECONDS * grown * jitter


@worker_ready.connect
def say_so(**_: object) -> None:
    """Tell whoever waits for it."""
    print("The workers are ready", flush=True)
