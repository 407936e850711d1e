"""The web application: verifies, keeps, hands a task for each listener to Celery, answers 200."""

import hmac
import json
import uuid
from typing import Any

import redis.asyncio
import uvicorn
from benchmarks.by_hand import settings
from benchmarks.by_hand.worker import celery, deliver
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
store = redis.asyncio.Redis(unix_socket_path=settings.SOCKET, max_connections=256)


@app.post("/connect")
async def connect(request: Request) -> Response:
    """Take one message."""
    body = await request.body()
    given = request.headers.get("x-docusign-signature-1", "")
    if not hmac.compare_digest(given.encode(), settings.signature(body).encode()):
        return Response(status_code=401)
    names = wanted_by(json.loads(body)["data"])
    event_id = uuid.uuid4().hex
    await store.set(settings.event_key(event_id), body, ex=settings.KEPT_SECONDS)
    await run_in_threadpool(enqueue, event_id, names)
    return Response(status_code=200)


def wanted_by(event: dict[str, Any]) -> list[str]:
    """Return the listeners that want an event."""
    summary = event["envelopeSummary"]
    fields = {
        field["name"]: field["value"] for field in summary["customFields"]["textCustomFields"]
    }
    integration, user = fields.get("Integration"), summary["sender"]["email"]
    return [
        name
        for name, listener in settings.LISTENERS.items()
        if listener["integration"] in (None, integration) and listener["user"] in (None, user)
    ]


def enqueue(event_id: str, names: list[str]) -> None:
    """Put a task for each listener into the queue, over one connection."""
    with celery.producer_pool.acquire(block=True) as producer:
        for name in names:
            deliver.apply_async((event_id, name), producer=producer)


def main() -> None:
    """Serve until killed."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        backlog=2048,
    )
    listening = config.bind_socket()
    listening.listen(config.backlog)
    print(f"The web application listens on http://127.0.0.1:{listening.getsockname()[1]}")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
