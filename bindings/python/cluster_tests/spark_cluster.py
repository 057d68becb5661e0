"""A standalone cluster of Spark on this machine: a master and workers, each with its own executor."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, List

import headlines
import pyspark
from processes import children
from pyspark.sql import SparkSession

HOME = Path(pyspark.__file__).parent
TIMEOUT = 120


class SparkCluster:
    """Starts when it is made. Use it in a ``with`` statement, which ends all its processes."""

    def __init__(self, folder: Path, workers: int = 2, cores: int = 1) -> None:
        self._folder, self._cores = folder, cores
        self._processes: List[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True)
        self._start("master", "org.apache.spark.deploy.master.Master", "--port", "0")
        self.url = self._logged("master", r"Starting Spark master at (spark://\S+)")
        for number in range(workers):
            place = folder / f"worker-{number}-work"
            options = ["--cores", str(cores), "--memory", "1g", "--port", "0", "--work-dir", str(place), self.url]
            self._start(f"worker-{number}", "org.apache.spark.deploy.worker.Worker", *options)
        for number in range(workers):
            self._logged(f"worker-{number}", "(Successfully registered) with master")

    def __enter__(self) -> "SparkCluster":
        return self

    def __exit__(self, *_: Any) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(timeout=TIMEOUT)

    def session(self, **settings: Any) -> SparkSession:
        """A session whose executors run on the workers."""
        os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = SparkSession.builder.master(self.url).appName("finsent")
        defaults = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.cores": self._cores,
            "spark.executor.memory": "512m",
            "spark.sql.files.maxPartitionBytes": "1m",
            "spark.sql.parquet.compression.codec": headlines.COMPRESSION,
            "spark.sql.files.openCostInBytes": "1m",
            "spark.ui.enabled": False,
        }
        for name, value in {**defaults, **settings}.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()

    def executors(self) -> List[int]:
        """The processes of the executors."""
        below = [child for worker in self._processes[1:] for child in children(worker.pid).items()]
        return [process for process, command in below if "CoarseGrainedExecutorBackend" in command]

    def _start(self, name: str, kind: str, *options: str) -> None:
        command = [HOME / "bin" / "spark-class", kind, "--host", "127.0.0.1", "--webui-port", "0", *options]
        environment = {**os.environ, "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1"}
        with open(self._log(name), "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self._processes.append(process)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _logged(self, name: str, pattern: str) -> str:
        """Wait until a process has logged something; returns the first group of the pattern."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            found = re.search(pattern, self._log(name).read_text())
            if found is not None:
                return found.group(1)
            time.sleep(0.1)
        raise TimeoutError(f"the {name} did not start:\n{self._log(name).read_text()}")
