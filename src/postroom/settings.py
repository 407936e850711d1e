"""Every setting: the same name as a flag, in the environment (POSTROOM_...) and in a file.

A flag wins over the environment, the environment over the file, the file over the default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from postroom.errors import InvalidInputError

MEBIBYTE = 1024 * 1024
SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")

Role = Literal["front-door", "worker", "api"]
"""A part of a node's work: taking messages in, delivering them, answering people and SDKs."""
ROLES: tuple[Role, ...] = get_args(Role)


def _parted(said: object) -> object:
    """Return the items of a comma-separated text; anything else as it is."""
    if not isinstance(said, str):
        return said
    return tuple(item.strip() for item in said.split(",") if item.strip())


def _in_words(error: Mapping[str, Any]) -> str:
    """Return what pydantic complains of as a line that begins with the setting's name, if any."""
    place = str(error["loc"][0]) if error["loc"] else ""
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {said}" if place else said


class Settings(BaseSettings):
    """What one node is told. Each field's description is its documentation everywhere."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", extra="forbid", frozen=True)

    database: Annotated[
        str,
        Field(
            repr=False,  # it may hold a password
            description="Where everything is kept: sqlite:///FILE (relative or absolute), or"
            " postgresql://USER@HOST/DATABASE for any number of nodes.",
        ),
    ] = f"{SQLITE}postroom.db"
    host: Annotated[str, Field(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="The port to listen on; 0 picks one.")
    ] = 8080
    roles: Annotated[
        tuple[Role, ...],
        NoDecode,
        BeforeValidator(_parted),
        Field(
            min_length=1,
            description="What this node does, of front-door, worker and api; comma-separated in"
            " the environment. Less than all needs PostgreSQL.",
        ),
    ] = ROLES
    migrate: Annotated[
        bool,
        Field(
            description="Bring older tables up to date at start; without it they are refused, and"
            " `postroom migrate` does it.",
        ),
    ] = True
    admin_token: Annotated[
        SecretStr | None,
        Field(
            min_length=16,
            description="The first administrator's API token, at least 16 characters;"
            " made and printed once when it is not given.",
        ),
    ] = None
    secret_key: Annotated[
        SecretStr | None,
        Field(
            description="Fernet keys that seal stored secrets, comma-separated, newest first;"
            " made beside the database file when not given. PostgreSQL needs it, the same on every"
            " node.",
        ),
    ] = None
    allow_private_addresses: Annotated[
        bool,
        Field(description="Deliver to loopback, private and special addresses too."),
    ] = False
    max_body_bytes: Annotated[
        int, Field(ge=1024, description="The largest message taken at the front door, in bytes.")
    ] = 40 * MEBIBYTE
    max_bytes_in_flight: Annotated[
        int,
        Field(
            ge=1024,
            description="Bytes of messages being taken in at once; beyond it the door answers 503.",
        ),
    ] = 512 * MEBIBYTE
    max_connections: Annotated[
        int, Field(ge=1, le=10_000, description="Outgoing connections kept at once.")
    ] = 1000
    ca_file: Annotated[
        Path | None,
        Field(description="Certificates (PEM) to trust for https listeners, instead of the usual."),
    ] = None
    body_retention_days: Annotated[
        float,
        Field(ge=0, description="Days after which message bodies are dropped; 0 keeps them."),
    ] = 90
    row_retention_days: Annotated[
        float,
        Field(
            ge=0,
            description="Days after which notifications that owe nothing are dropped whole;"
            " 0 keeps them.",
        ),
    ] = 400
    drain_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds from SIGTERM until the server has ended, whatever hangs; at least"
            " one. What is in flight may end until then, the rest is given back.",
        ),
    ] = 20
    drain_notice_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds of these in which requests are still taken while /readyz says"
            " 503, so that a load balancer can look elsewhere.",
        ),
    ] = 0
    offline: Annotated[
        bool,
        Field(
            description="Be Docusign for an integration under test: an account, people and a clock"
            " that can be moved are ready, and http listeners on loopback are allowed.",
        ),
    ] = False
    allow_http_loopback: Annotated[
        bool,
        Field(description="Let Connect configurations publish to http URLs on loopback."),
    ] = False
    public_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/\s]+$",
            description="Where clients reach this server, such as https://connect.example.com;"
            " by default as each request says.",
        ),
    ] = None
    tls: Annotated[
        Literal["off", "self-signed"],
        Field(
            description="self-signed: serve https with a certificate made beside the database.",
        ),
    ] = "off"
    tls_certificate: Annotated[
        Path | None,
        Field(description="Serve https with this certificate chain (PEM); needs tls_key."),
    ] = None
    tls_key: Annotated[
        Path | None, Field(description="The key of tls_certificate (PEM, without a password).")
    ] = None
    max_request_bytes: Annotated[
        int,
        Field(ge=1024, description="The largest body taken on Docusign's REST paths, in bytes."),
    ] = 35_651_584
    connect_max_configurations: Annotated[
        int, Field(ge=0, description="Connect configurations that one account may have.")
    ] = 20
    connect_max_event_notifications: Annotated[
        int,
        Field(ge=0, description="Different eventNotifications that one account may have."),
    ] = 10_000
    connect_max_name_characters: Annotated[
        int, Field(ge=1, description="Characters of a Connect configuration's name.")
    ] = 100
    connect_max_url_bytes: Annotated[
        int, Field(ge=1, description="Bytes of a Connect configuration's URL.")
    ] = 4096
    connect_https_ports: Annotated[
        str,
        Field(
            pattern=r"^\d{1,5}(,\d{1,5})*$",
            description="The https ports that configurations may publish to, comma-separated.",
        ),
    ] = "443,1443,2443,3443,4443,5443,6443,7443,8443,9443"
    connect_empty_delivery_mode: Annotated[
        Literal["SIM", "Aggregate"],
        Field(description="What a configuration without deliveryMode means."),
    ] = "SIM"
    connect_log_entries: Annotated[
        int, Field(ge=0, description="Entries that Docusign's own Connect log shows, the newest.")
    ] = 100
    connect_log_days: Annotated[
        float, Field(ge=0, description="Days that Docusign's own Connect log goes back.")
    ] = 15
    connect_pending_deactivation_days: Annotated[
        float,
        Field(ge=0, description="Days of failing after which a configuration is warned about."),
    ] = 3
    connect_deactivation_days: Annotated[
        float, Field(ge=0, description="Days of failing after which it is switched off.")
    ] = 14
    envelope_max_subject_characters: Annotated[
        int, Field(ge=1, description="Characters of an envelope's subject.")
    ] = 100
    envelope_max_field_characters: Annotated[
        int, Field(ge=1, description="Characters of a custom field's name, and of its value.")
    ] = 100
    envelope_max_fields: Annotated[
        int, Field(ge=1, description="Custom fields of one envelope.")
    ] = 500
    envelope_max_item_characters: Annotated[
        int, Field(ge=1, description="Characters of one item of a list custom field.")
    ] = 100
    envelope_max_items_characters: Annotated[
        int, Field(ge=1, description="Characters of all items of a list custom field together.")
    ] = 2048
    envelope_max_recipients: Annotated[
        int, Field(ge=1, description="Recipients of one envelope.")
    ] = 1000
    envelope_max_documents: Annotated[
        int, Field(ge=1, description="Documents of one envelope.")
    ] = 200
    envelope_max_document_bytes: Annotated[
        int, Field(ge=1, description="Bytes of one document.")
    ] = 25 * MEBIBYTE
    envelope_max_documents_bytes: Annotated[
        int, Field(ge=1, description="Bytes of an envelope's documents together.")
    ] = 100 * MEBIBYTE
    envelope_max_told_bytes: Annotated[
        int, Field(ge=1, description="Bytes of all the messages that one action causes.")
    ] = 256 * MEBIBYTE
    purge_days: Annotated[
        float,
        Field(
            ge=0,
            le=36_500,
            description="Days that an envelope's documents are in the purge queue before they are"
            " dropped.",
        ),
    ] = 14
    virtual_clock: Annotated[
        str | None,
        Field(
            description="For tests: an ISO 8601 moment at which the clock stands until"
            " POST /api/v1/clock moves it.",
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="The least important log line that is written."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], Field(description="Log lines for people or for machines.")
    ] = "text"

    @field_validator("database")
    @classmethod
    def _database_is_ours(cls, url: str) -> str:
        if (url.startswith(SQLITE) and url != SQLITE) or url.startswith(POSTGRESQL):
            return url
        raise ValueError(
            "give a database URL such as sqlite:///postroom.db or postgresql://USER@HOST/DATABASE"
        )

    @model_validator(mode="after")
    def _nothing_is_beside_postgresql(self) -> Self:
        """Refuse what is kept in files beside an embedded database, and its one node."""
        if self.is_embedded:
            return self
        if self.secret_key is None:
            raise ValueError(
                "a database on PostgreSQL needs secret_key (POSTROOM_SECRET_KEY), the same on every"
                " node; make one with `postroom keys generate-secret-key`"
            )
        if self.offline:
            raise ValueError(
                "offline mode works on a file alone, as it has one clock; use sqlite:///FILE"
            )
        if self.tls == "self-signed":
            raise ValueError(
                "tls=self-signed makes its certificate beside a database file; on PostgreSQL give"
                " tls_certificate and tls_key"
            )
        return self

    @model_validator(mode="after")
    def _a_file_has_one_node(self) -> Self:
        missing = [role for role in ROLES if role not in self.roles]
        if self.is_embedded and missing:
            raise ValueError(
                f"a database file has one node, which does everything; without {missing[0]} nobody"
                " would do that part. Leave roles out, or use postgresql://USER@HOST/DATABASE"
            )
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("give tls_certificate and tls_key together, or neither")
        if self.tls_certificate is not None and self.tls != "off":
            raise ValueError("give either tls_certificate or tls=self-signed, not both")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read flags, then the environment, then the file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))

    @classmethod
    def load(cls, file: Path | None = None, **flags: Any) -> Self:
        """Read settings from flags that are not None, the environment and a TOML file.

        Raises `InvalidInputError` with every problem, one a line; values are not repeated, as
        they may be secrets.
        """
        if file is not None and not file.is_file():
            raise InvalidInputError(f"there is no settings file {file}")
        reader = type(
            cls.__name__, (cls,), {"model_config": {**cls.model_config, "toml_file": file}}
        )
        given = {name: value for name, value in flags.items() if value is not None}
        try:
            loaded: Self = reader(**given)
        except ValidationError as problem:
            raise InvalidInputError("\n".join(map(_in_words, problem.errors()))) from None
        return loaded

    @property
    def is_embedded(self) -> bool:
        """Whether everything is kept in a file, by the one node that has it."""
        return self.database.startswith(SQLITE)

    @property
    def sqlite_path(self) -> Path:
        """The database file of an embedded store."""
        return Path(self.database.removeprefix(SQLITE))
