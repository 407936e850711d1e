"""The listeners as they stood at each revision: read once, and only the last few remembered."""

from collections import OrderedDict

from postroom.model import Listener, Notification, Registry
from postroom.routing.explaining.explanation import Explainer, Explanation, Lanes
from postroom.storage.port import Store

MOST_REVISIONS = 8
"""A registry of 1,000 listeners is about a megabyte."""
MOST_EXPLAINERS = 2000


class Registries:
    """Explains by the revision then in force; neighbours in time often share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._registries: OrderedDict[int, Registry] = OrderedDict()
        self._lanes: dict[int, Lanes] = {}
        self._explainers: OrderedDict[tuple[int, int], Explainer] = OrderedDict()

    async def at(self, revision: int) -> Registry:
        """Return the registry of a revision."""
        found = self._registries.get(revision)
        if found is None:
            found = self._registries[revision] = await self._store.registry(revision)
            if len(self._registries) > MOST_REVISIONS:
                self._lanes.pop(self._registries.popitem(last=False)[0], None)
        self._registries.move_to_end(revision)
        return found

    def explain(
        self, registry: Registry, listener: Listener, notification: Notification
    ) -> Explanation:
        """Explain a notification for a listener of the registry."""
        key = registry.revision, listener.id
        found = self._explainers.get(key)
        if found is None:
            lanes = self._lanes.get(registry.revision)
            if lanes is None:
                lanes = self._lanes[registry.revision] = Lanes(registry)
            found = self._explainers[key] = Explainer(registry, listener, lanes)
            if len(self._explainers) > MOST_EXPLAINERS:
                self._explainers.popitem(last=False)
        self._explainers.move_to_end(key)
        return found.explain(notification)
