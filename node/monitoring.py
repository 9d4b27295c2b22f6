"""What monitors ask the node by HTTP: ``/metrics`` for Prometheus, ``/health`` for people and load balancers."""

import json
import socket
import threading
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from prometheus_client import make_wsgi_app

from config.reasons import Reason, Remark, UptakeError
from config.settings import Settings
from db.session import Database
from node.health import Condition, Health
from node.heartbeat import Heartbeat
from node.metrics import node_registry
from node.names import utc_now
from node.supervisor import Child

log = structlog.get_logger()

_MOST_REQUESTS = 16
_PATIENCE_S = 10.0


class Monitoring:
    """Answers on threads of its own, from `start` to `stop`; not at all without ``monitoring.enabled``."""

    def __init__(self, settings: Settings, database: Database, children: Sequence[Child], heartbeat: Heartbeat) -> None:
        self._settings = settings.monitoring
        self._health = Health(settings, database, children, heartbeat)
        self._metrics: WSGIApplication = make_wsgi_app(
            node_registry(settings, database, children, self._health, utc_now)
        )
        self._server: WSGIServer | None = None

    def start(self) -> None:
        """Listen; returns at once. Raises ``UptakeError`` if the port can't be opened."""
        if not self._settings.enabled:
            return
        host, port = self._settings.host, self._settings.port
        try:
            self._server = make_server(host, port, self._answer, _Server6 if ":" in host else _Server, _Handler)
        except OSError as error:
            where = f"{host}:{port}"
            raise UptakeError(f"The node can't be monitored on {where}: {error.strerror or error}.") from error
        threading.Thread(target=self._server.serve_forever, name="monitoring", daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _answer(self, environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        try:
            return self._route(environment, start)
        except Exception:  # the boundary to a monitor, which is told no more than that
            log.exception("monitoring failed", path=environment["PATH_INFO"], reason=Reason.INTERNAL_ERROR)
            return _say(start, HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "See the node's log."})

    def _route(self, environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environment["REQUEST_METHOD"] != "GET":
            return _say(start, HTTPStatus.METHOD_NOT_ALLOWED, {"error": "GET is all that is answered."})
        match environment["PATH_INFO"]:
            case "/metrics":
                return self._metrics(environment, start)
            case "/health" | "/health/ready":
                condition = self._health.condition()
                return _say(start, _status(condition.ready), _document(condition))
            case "/health/live":
                hangs = self._health.supervisor()
                return _say(start, _status(hangs is None), {"live": hangs is None})
        return _say(start, HTTPStatus.NOT_FOUND, {"error": "There are /metrics, /health, /health/ready, /health/live."})


def _document(condition: Condition) -> dict[str, Any]:
    return {
        "version": version("uptake"),
        "live": condition.live,
        "ready": condition.ready,
        "problems": [_told(remark) for remark in condition.problems],
        "warnings": [_told(remark) for remark in condition.warnings],
    }


def _told(remark: Remark) -> dict[str, str]:
    reason = remark.reason
    return {"reason": reason, "meaning": reason.meaning, "detail": remark.detail, "action": reason.action}


def _status(well: bool) -> HTTPStatus:
    return HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE


def _say(start: StartResponse, status: HTTPStatus, document: dict[str, Any]) -> list[bytes]:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    start(f"{status.value} {status.phrase}", headers)
    return [json.dumps(document, indent=2).encode() + b"\n"]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request, up to a number; more are hung up on."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._free = threading.BoundedSemaphore(_MOST_REQUESTS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A monitor that hangs up, or says nothing for too long, is no event."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are not logged."""
