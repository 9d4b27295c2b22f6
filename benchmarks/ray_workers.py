"""Workers for the benchmark of Ray, and what they have in place of a network."""

import pickle
import time
from collections.abc import Callable, Sequence
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

from config.finding import Analysis
from config.reasons import Remark
from config.settings import Settings
from config.volume import Volume
from db.session import Database
from inference.options import Options
from node.log import configure
from node.models import Models
from node.names import utc_now
from node.ray_analyst import Analyst, Loaded
from node.ray_cluster import RayCluster
from node.spool import Spool
from node.worker import Worker

NETWORK_S = 10.0
ANSWER = "answer.pickle"
"""In the spool: what every analysis is answered with."""


class Echo(Analyst):
    """Gives back at once what it was made with: what is left is the way there and back."""

    def load(self, settings: Settings) -> Loaded:
        self._answer: Analysis = pickle.loads((settings.spool.folder / ANSWER).read_bytes())
        return super().load(settings)

    def analyse(self, suv: Volume, ct: Volume | None, options: Options, remarks: Sequence[Remark]) -> Analysis:
        return self._answer


class Network(Echo):
    """A network of fixed cost, which needs no processor of this machine."""

    def analyse(self, suv: Volume, ct: Volume | None, options: Options, remarks: Sequence[Remark]) -> Analysis:
        time.sleep(NETWORK_S)
        return super().analyse(suv, ct, options, remarks)


class NetworkHere(Models):
    """The same network in the worker's own process."""

    def analyse(
        self,
        suv: Volume,
        ct: Volume | None,
        options: Options,
        progress: Callable[[str], None] = lambda stage: None,
        *,
        remarks: Sequence[Remark] = (),
    ) -> Analysis:
        network = Network()
        network.load(self.settings)
        return network.analyse(suv, ct, options, remarks)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.settings = settings


def work(settings: Settings, number: int, start: Barrier, cpu_s: "Synchronized[float]") -> None:
    """A worker's process, until no study waits; adds its processor time.

    Once all could begin, they do so one after the other, as studies come: not all read and encode at the same moments.
    """
    configure(settings.logging)
    database = Database.open(settings.database_url)
    on_cluster = settings.compute.engine == "ray"
    compute = RayCluster(settings, {}, Network) if on_cluster else NetworkHere(settings)
    compute.ready()
    worker = Worker(database, Spool(settings.spool.folder), settings, compute, utc_now, number)
    start.wait()
    time.sleep((number - 1) * NETWORK_S / settings.compute.workers)
    begin = time.process_time()
    while worker.step():
        pass
    with cpu_s.get_lock():
        cpu_s.value += time.process_time() - begin
    database.close()
