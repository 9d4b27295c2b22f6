"""Settings: typed, from a TOML file and the environment (``UPTAKE_LISTENER__PORT=104``), named as in a PACS form."""

import os
import re
import socket
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.indication import Indication
from config.profiles import Profile, kinds_of
from config.result_kind import ResultKind
from config.segmentation_grid import SegmentationGrid
from config.thresholds import Delineation, ThresholdRule
from config.tracers import Tracer

AETitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16, pattern=r"^[^\\\x00-\x1f]+$")
]
BundleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
LongString = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\\\x00-\x1f]*$")]
"""Text that fits an LO (PS3.5 Section 6.2)."""
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(Section):
    """DICOM over TLS, PEM files: this node's certificate (with the chain to its authority), its key, unencrypted, and
    the certificates of those authorities whose word on a peer counts, with their revocation lists if there are any.
    """

    certificate: Path
    private_key: Path
    authorities: Path


class Listener(Section):
    """Where the node is reached by DICOM. An empty list allows everybody.

    With ``tls`` it takes nobody without it. ``allow_plain``: unencrypted from other machines, too.
    ``certificate_names``: for a calling AE title, the name that the certificate of who uses it must bear; a title that
    is not among them may be used with any certificate that is trusted.
    """

    ae_title: AETitle = "UPTAKE"
    host: str = "127.0.0.1"
    tls: Tls | None = None
    certificate_names: dict[AETitle, str] = {}
    allow_plain: bool = False
    maximum_object_mb: int = Field(2048, ge=1)
    port: Port = 11112
    allowed_calling_ae_titles: tuple[AETitle, ...] = ()
    allowed_addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    maximum_associations: int = Field(25, ge=1)
    maximum_pdu_bytes: int = Field(131072, ge=4096)
    network_timeout_s: float = Field(60.0, gt=0)

    @model_validator(mode="after")
    def _is_plain_on_loopback_only(self) -> Self:
        if self.tls is None and not self.allow_plain and not self._is_loopback:
            raise ValueError(
                f"host {self.host} is reached by other machines, unencrypted: set listener.tls, "
                "or listener.allow_plain = true in a network that is trusted"
            )
        return self

    @model_validator(mode="after")
    def _has_certificates_to_look_at(self) -> Self:
        if self.certificate_names and self.tls is None:
            raise ValueError("certificate_names is set, and without listener.tls nobody shows a certificate")
        return self

    @property
    def _is_loopback(self) -> bool:
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


class Destination(Section):
    """A DICOM peer that receives results.

    ``profile``: which, by what its viewers show (``config.profiles``). ``outlines``: presentation states of the PET
    with the lesions' outlines, too. ``storage_commitment``: whether the peer is asked to answer for what it has stored;
    by default where it offers to. With ``tls`` nothing goes there without it.
    """

    name: str
    ae_title: AETitle
    host: str
    tls: Tls | None = None
    port: Port
    network_timeout_s: float = Field(30.0, gt=0)
    profile: Profile = Profile.GENERAL
    outlines: bool = False
    storage_commitment: bool | None = None


class Spool(Section):
    """Where received instances and results lie; intake stops when less than ``minimum_free_mb`` is left."""

    folder: Path = Path("spool")
    minimum_free_mb: int = Field(1024, ge=0)


class Database(Section):
    """SQLAlchemy URL; empty for SQLite beside the spool. May hold a password, so it is never logged."""

    url: SecretStr = SecretStr("")


class Completeness(Section):
    """When evidence says complete, a study is analysed at once; otherwise after ``quiet_time_s`` without arrivals."""

    quiet_time_s: float = Field(60.0, ge=0)


class Source(Section):
    """A peer that sends studies, by its calling AE title.

    ``quiet_time_s``: for what it sends, in place of that of ``completeness``. ``archive``: the name of the destination
    that holds its studies too and is asked by C-FIND how many instances they have.
    """

    ae_title: AETitle
    quiet_time_s: float | None = Field(None, ge=0)
    archive: str | None = None


class AnalysisSettings(Section):
    """What is analysed and how. ``tracer`` and ``indication`` override the headers.

    ``memory_budget_mb``: the most memory of its own that the analysis may fill; an analysis that needs more ends as
    ``out-of-memory`` before the kernel kills it. None leaves it to the kernel.
    """

    tracer: Tracer | None = None
    indication: Indication | None = None
    threshold: ThresholdRule = ThresholdRule.ITERATIVE
    pet_only: bool = False
    minimum_volume_ml: float = Field(0.3, ge=0)
    timeout_s: float = Field(600.0, gt=0)
    memory_budget_mb: int | None = Field(None, ge=256)
    maximum_attempts: int = Field(3, ge=1)


class Models(Section):
    """Which trained models look at a study, and what runs them.

    ``lesion_segmentation`` names for each tracer the bundle under ``folder`` that segments it; a tracer without one is
    segmented by thresholding, as set under ``analysis``. ``precision``: by default less than float32 where OpenVINO
    runs the bundle and a measurement on this machine says that labels agree. ``location_retrieval`` and ``captioning``
    name the bundles that locate findings and find words for them; where empty, rules on anatomy and a grammar do.
    """

    folder: Path = Path("models")
    engine: Literal["auto", "openvino", "tensorrt", "torch"] = "auto"
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    lesion_segmentation: Mapping[Tracer, BundleName] = {}
    delineation: Delineation = Delineation.NETWORK
    location_retrieval: BundleName | Literal[""] = ""
    captioning: BundleName | Literal[""] = ""

    @property
    def bundles(self) -> tuple[str, ...]:
        """The names of all bundles in use, each once, sorted."""
        named = {*self.lesion_segmentation.values(), self.location_retrieval, self.captioning}
        return tuple(sorted(named - {""}))


class Results(Section):
    """What result objects are like.

    ``segmentation_grid``: on which images a SEG lies. ``maximum_frames``: of one SEG; more are split over several,
    since some viewers do not open larger ones. ``organ_map``: a label map of the organs goes to destinations that take
    it.
    """

    label: LongString = "RESEARCH"
    manufacturer: LongString = "uptake"
    series_number: int = Field(9000, ge=1)
    segmentation_grid: SegmentationGrid = SegmentationGrid.PET
    maximum_frames: int = Field(400, ge=1)
    organ_map: bool = False


class Delivery(Section):
    """Retries with exponential back-off from ``first_retry_s`` to ``last_retry_s``, then a person decides."""

    maximum_attempts: int = Field(20, ge=1)
    first_retry_s: float = Field(5.0, gt=0)
    last_retry_s: float = Field(900.0, gt=0)

    @model_validator(mode="after")
    def _retries_grow(self) -> Self:
        if self.first_retry_s > self.last_retry_s:
            raise ValueError("first_retry_s is longer than last_retry_s")
        return self


class Commitment(Section):
    """Storage commitment (PS3.4 Annex J).

    A destination answers on the association on which it is asked, which is held open for ``association_s``, or on one
    of its own. One that is silent for ``answer_s`` is asked again.
    """

    association_s: float = Field(1.0, ge=0)
    answer_s: float = Field(3600.0, gt=0)


class AuditCollector(Section):
    """A syslog server to which the audit trail is told as DICOM audit messages.

    ``transport``: TLS (RFC 5425), or UDP (RFC 5426), which loses without a word. ``ca_file``: who may vouch for the
    collector, by default whom the system trusts. ``certificate_file``, ``key_file``: by which the node names itself.
    All are PEM.
    """

    name: str
    host: str
    port: Port = 6514
    transport: Literal["tls", "udp"] = "tls"
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    network_timeout_s: float = Field(10.0, gt=0)


class Logging(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Monitoring(Section):
    """Where ``/metrics`` and ``/health`` answer by HTTP, to whoever asks: for loopback, or the network of the monitors.

    Nothing that is told there names a patient or a study.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 9611


class Disk(Section):
    """How much of the spool's file system is to stay free (MiB): below one mark somebody is warned, below the next
    associations are refused for the time being. Below ``spool.minimum_free_mb`` instances of open ones are, too.
    """

    warn_below_mb: int = Field(10240, ge=0)
    refuse_below_mb: int = Field(2048, ge=0)


class Retention(Section):
    """When received instances are deleted; never, unless a number of days is given. Results and the database are kept.

    ``settled_days``: so long after the study came to ``settled_when``. ``expired_days``: so long after the last change
    of a study that has come to any end, and after the arrival of what could not be used.
    """

    settled_when: Literal["committed", "delivered"] = "committed"
    settled_days: float | None = Field(None, ge=0)
    expired_days: float | None = Field(None, ge=0)


class Cluster(Section):
    """Several nodes, one on each host, that share the database and the spool's folder.

    ``node``: the name of this one among them, by default the host's. ``dead_after_s``: how long a node may give no sign
    of life before the others take over its work.
    """

    enabled: bool = False
    node: str = Field(default_factory=socket.gethostname)
    dead_after_s: float = Field(20.0, ge=10)

    @model_validator(mode="after")
    def _node_is_fit_for_a_folder(self) -> Self:
        if self.enabled and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.node):
            raise ValueError(f"node {self.node!r}: found other characters than letters, digits, '.', '_' and '-'")
        return self


class Compute(Section):
    """Where studies are analysed: by ``workers`` processes of this node, each of which does one at a time.

    With ``ray`` they hand the volumes to the Ray cluster whose head is at ``address``, host:port. An analysis takes
    ``actor_cpus`` and ``actor_gpus`` of what the cluster has, parts of one included; ``place_within_s``: how long a
    worker waits for so much room before it says that there is none, and asks again.
    """

    engine: Literal["local", "ray"] = "local"
    workers: int = Field(1, ge=1)
    address: Annotated[str, StringConstraints(pattern=r"^((\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):[0-9]{1,5})?$")] = ""
    actor_cpus: float = Field(1.0, ge=0)
    actor_gpus: float = Field(0.0, ge=0)
    place_within_s: float = Field(30.0, gt=0)

    @model_validator(mode="after")
    def _names_its_cluster(self) -> Self:
        if self.engine == "ray" and not self.address:
            raise ValueError("engine ray needs address, host:port of the Ray cluster's head")
        return self


class Settings(BaseSettings):
    """All settings. Precedence: environment, then systemd's credentials (a file for each), the TOML file, defaults."""

    model_config = SettingsConfigDict(
        env_prefix="UPTAKE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    listener: Listener = Listener()
    destinations: tuple[Destination, ...] = ()
    spool: Spool = Spool()
    database: Database = Database()
    completeness: Completeness = Completeness()
    sources: tuple[Source, ...] = ()
    analysis: AnalysisSettings = AnalysisSettings()
    models: Models = Models()
    results: Results = Results()
    delivery: Delivery = Delivery()
    commitment: Commitment = Commitment()
    logging: Logging = Logging()
    monitoring: Monitoring = Monitoring()
    disk: Disk = Disk()
    retention: Retention = Retention()
    audit_collectors: tuple[AuditCollector, ...] = ()
    cluster: Cluster = Cluster()
    compute: Compute = Compute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        credentials = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir=os.environ.get("CREDENTIALS_DIRECTORY"), secrets_dir_missing="ok"
        )
        return (env_settings, credentials, init_settings)

    @model_validator(mode="after")
    def _destinations_have_names_of_their_own(self) -> Self:
        names = [destination.name for destination in self.destinations]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"destinations: the name {', '.join(twice)} is used twice")
        return self

    @model_validator(mode="after")
    def _sources_are_told_apart_and_name_archives(self) -> Self:
        titles = [source.ae_title for source in self.sources]
        if twice := sorted({title for title in titles if titles.count(title) > 1}):
            raise ValueError(f"sources: the AE title {', '.join(twice)} is used twice")
        archives = {source.archive for source in self.sources if source.archive is not None}
        if unknown := sorted(archives - {destination.name for destination in self.destinations}):
            raise ValueError(f"sources: the archive {', '.join(unknown)} is not the name of a destination")
        return self

    @model_validator(mode="after")
    def _a_cluster_shares_its_database(self) -> Self:
        if self.cluster.enabled and not self.database.url.get_secret_value().startswith("postgresql"):
            raise ValueError("cluster.enabled: nodes share a database, so database.url must name one of PostgreSQL")
        return self

    def kinds_for(self, destination: Destination) -> tuple[ResultKind, ...]:
        """The kinds of result objects that a destination wants."""
        return kinds_of(destination.profile, outlines=destination.outlines, organ_map=self.results.organ_map)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL with its password."""
        return self.database.url.get_secret_value() or f"sqlite:///{self.spool.folder.absolute() / 'uptake.db'}"


def load(path: Path | None = None) -> Settings:
    """Settings from a TOML file and the environment.

    Parameters
    ----------
    path
        The file; by default the one that ``UPTAKE_CONFIG`` names, else ``uptake.toml`` in the working folder if it
        is there, else ``/etc/uptake/uptake.toml`` if that is there.

    Raises
    ------
    OSError
        If a named file can't be read.
    tomllib.TOMLDecodeError, pydantic.ValidationError
        If it isn't TOML, or a setting is unknown or out of range.
    """
    if path is None and "UPTAKE_CONFIG" in os.environ:
        path = Path(os.environ["UPTAKE_CONFIG"])
    if path is None:
        path = next((p for p in (Path("uptake.toml"), Path("/etc/uptake/uptake.toml")) if p.is_file()), None)
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    return Settings(**table)
