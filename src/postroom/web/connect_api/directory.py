"""Where the API begins, and which accounts the caller has."""

from litestar import Response, get
from litestar.di import NamedDependency

from postroom import __version__
from postroom.web.connect_api.answers import answer
from postroom.web.connect_api.reach import Reach


@get("/restapi")
async def service_information(reach: NamedDependency[Reach]) -> Response[bytes]:
    """Say which versions there are, and where."""
    version = {
        "version": "v2.1",
        "versionUrl": f"{reach.base_url}/restapi/v2.1",
    }
    return answer(
        {
            "serviceVersions": [version],
            "buildVersion": __version__,
            "linkedSites": [reach.base_url],
        }
    )
