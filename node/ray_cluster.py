"""Analysis on a Ray cluster: volumes go through its object store to an actor that holds the loaded models.

A worker has one actor, which Ray places on whichever of its nodes has room and which ends with the worker. Ray does not
restart an actor that is lost with its process or its node: the analysis fails with the reason and is tried again as any
other, by the next actor. So what an actor said of itself when it was placed holds for all that it computes.
"""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when Ray is imported

import ray
import structlog
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    GetTimeoutError,
    ObjectStoreFullError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
)

from config.finding import Analysis
from config.reasons import Reason, Remark
from config.settings import Settings
from config.tracers import Tracer
from config.volume import Volume
from inference.options import Options
from node.compute import Unavailable
from node.ray_analyst import Analyst, Loaded

log = structlog.get_logger()

_CONNECT_S = 5.0
_ANSWER_S = 10.0


class RayCluster:
    """The cluster at ``compute.address``, as one worker uses it.

    ``bundles``: their digests, by name; an actor that loads others, or has another version of uptake, is not used.
    """

    def __init__(self, settings: Settings, bundles: Mapping[str, str], analyst: type[Analyst] = Analyst) -> None:
        self._compute = settings.compute
        # What leaves this host: no address, no key, no password.
        self._settings = Settings.model_construct(
            spool=settings.spool.model_copy(update={"folder": settings.spool.folder.absolute()}),
            analysis=settings.analysis,
            models=settings.models.model_copy(update={"folder": settings.models.folder.absolute()}),
        )
        self._bundles = bundles
        self._analyst = analyst
        self._actor: Any = None
        self._loaded: Loaded | None = None

    def ready(self) -> None:
        """See that an analysis could begin at once: an actor is placed, or the one that there is answers."""
        with self._reasons():
            if self._loaded is None:
                self._join()
                self._place()
            else:
                ray.get(self._actor.version.remote(), timeout=_ANSWER_S)

    def digest(self) -> str:
        """What the actor says of all that its models contribute to results."""
        return self._known().digest

    def identities(self, tracer: Tracer) -> Mapping[str, Mapping[str, str]]:
        """What the actor says of its models for a tracer."""
        return self._known().identities[tracer]

    def analyse(
        self,
        suv: Volume,
        ct: Volume | None,
        options: Options,
        progress: Callable[[str], None] = lambda stage: None,
        *,
        remarks: Sequence[Remark] = (),
    ) -> Analysis:
        """Findings of one pair of PET and CT, whose arrays are read-only."""
        progress("analysis on the cluster")
        self._known()
        with self._reasons():
            analysis: Analysis = ray.get(self._actor.analyse.remote(suv, ct, options, tuple(remarks)))
        return analysis

    def _known(self) -> Loaded:
        if self._loaded is None:
            self.ready()
        assert self._loaded is not None
        return self._loaded

    def _join(self) -> None:
        if ray.is_initialized():
            return
        address = self._compute.address
        host, _, port = address.rpartition(":")
        try:  # Ray by itself would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
        except OSError as error:
            raise Unavailable(Reason.RAY_UNREACHABLE, f"{address}: {error.strerror or error}.") from error
        # It would print on standard output what befalls processes on other machines.
        ray._private.worker.listen_error_messages = lambda *_: None
        told_to_stop = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(address=address, logging_level=logging.CRITICAL, log_to_driver=False)
        except (ConnectionError, ValueError, RayError) as error:
            raise Unavailable(Reason.RAY_UNREACHABLE, _first_line(error)) from error
        except RuntimeError as error:
            raise Unavailable(Reason.RAY_DIFFERS, _first_line(error)) from error
        finally:
            signal.signal(signal.SIGTERM, told_to_stop)  # which Ray takes for itself
        log.info("cluster joined", address=address)

    def _place(self) -> None:
        wanted = self._compute
        place = ray.remote(self._analyst).options(
            num_cpus=wanted.actor_cpus, num_gpus=wanted.actor_gpus, max_restarts=0, max_task_retries=0
        )
        self._actor = place.remote()
        try:
            found = ray.get(self._actor.version.remote(), timeout=wanted.place_within_s)
        except GetTimeoutError as error:
            room = f"{wanted.actor_cpus:g} CPUs and {wanted.actor_gpus:g} GPUs"
            detail = f"No node had {room} free within {wanted.place_within_s:g} s."
            raise Unavailable(Reason.RAY_FULL, detail) from error
        except ActorDiedError as error:
            if "failed to import" not in str(error):
                raise
            raise Unavailable(Reason.RAY_DIFFERS, f"{str(error).splitlines()[-1]}.") from error
        expected = version("uptake")
        if found != expected:
            raise Unavailable(Reason.RAY_DIFFERS, f"It has uptake {found}, expected {expected}.")
        loaded: Loaded = ray.get(self._actor.load.remote(self._settings))
        for name, digest in self._bundles.items():
            if loaded.bundles.get(name) != digest:
                detail = f"Its bundle {name} has the digest {loaded.bundles.get(name)}, expected {digest}."
                raise Unavailable(Reason.RAY_DIFFERS, detail)
        self._loaded = loaded
        log.info("analyst placed", models=loaded.digest)

    @contextmanager
    def _reasons(self) -> Iterator[None]:
        """Give what happens its reason; after anything but an error of the analysis itself, begin anew."""
        try:
            yield
        except RayTaskError as error:
            raise error.cause from error
        except (ObjectStoreFullError, OutOfMemoryError) as error:
            self._leave()
            raise MemoryError(_first_line(error)) from error
        except (ActorDiedError, ActorUnavailableError) as error:
            self._leave()
            raise Unavailable(Reason.WORKER_DIED, _why(error)) from error
        except RayError as error:
            self._leave()
            raise Unavailable(Reason.RAY_UNREACHABLE, _first_line(error)) from error
        except Unavailable:
            self._leave()
            raise

    def _leave(self) -> None:
        """The actor ends with the connection."""
        ray.shutdown()
        self._actor = self._loaded = None


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _why(error: RayError) -> str:
    """What Ray says of a death, but for the identifiers amid it."""
    return " ".join(line for line in str(error).splitlines() if line and not line.startswith("\t"))
