"""Where things are: the checkout and the folders of one scale."""

from dataclasses import dataclass
from pathlib import Path

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import read_yaml

PACKAGE = Path(__file__).parents[1]
SEARCH = "search-{}.json"  # in a method's folder, by the kind of data that was searched on
SPLITS = ("train", "valid", "test")
MIDPOINTS = "midpoints"  # test trajectories at times halfway between their frames; simulated systems have it


def find_root(start: Path | None = None) -> Path:
    """Find the checkout that contains ``start`` (default: the current folder).

    Raises:
        BenchError: no folder from ``start`` upwards holds ``params.yaml`` and the folder ``config``.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "params.yaml").exists() and (folder / "config").is_dir():
            return folder
    raise BenchError(
        f"{start} is not inside a LaDID Bench checkout (no params.yaml beside a folder config); change to the "
        "checkout's folder"
    )


def chosen_scale(root: Path) -> str:
    """Read the scale that ``params.yaml`` names.

    Raises:
        BenchError: it names none.
    """
    content = read_yaml(root / "params.yaml", "params.yaml")
    if not isinstance(content, dict) or not isinstance(content.get("scale"), str):
        raise BenchError("params.yaml: key 'scale' must name a scale, for example 'scale: demo'")
    return content["scale"]


@dataclass(frozen=True)
class Folders:
    """The folders of one scale: what is versioned (``data``, ``results``) and what is not (``work``)."""

    root: Path
    scale: str

    @property
    def data(self) -> Path:
        """Folder of the trajectory files."""
        return self.root / "data" / self.scale

    @property
    def results(self) -> Path:
        """Folder of records, tables and reports."""
        return self.root / "results" / self.scale

    @property
    def work(self) -> Path:
        """Folder of what is never versioned, such as models and logs."""
        return self.root / "work" / self.scale

    @property
    def records(self) -> Path:
        """Folder of the records of runs."""
        return self.results / "records"

    def record(self, key: str) -> Path:
        """Name the file of a run's record."""
        return self.records / f"{key}.json"

    def attempts(self, key: str) -> Path:
        """Name the folder of the failed attempts of a run that has no record yet."""
        return self.work / "attempts" / key

    def spare(self, key: str, code_hash: str) -> Path:
        """Name the copy of the record that a job has finished, should that job be started again."""
        return self.work / "spare" / code_hash / f"{key}.json"

    def writer(self, key: str) -> Path:
        """Name the file whose lock the one process has that works on a run."""
        return self.work / "writers" / f"{key}.lock"

    def samples(self, key: str) -> Path:
        """Name the file of a run's sample."""
        return self.results / "samples" / f"{key}.npz"

    def probe(self, key: str) -> Path:
        """Name the file of the probe of a run's model."""
        return self.results / "probes" / f"{key}.json"

    def calibration(self, key: str) -> Path:
        """Name the file of a run's calibration."""
        return self.results / "calibrations" / f"{key}.json"

    def forecast(self, key: str) -> Path:
        """Name the file of a run's forecast of the test split; never versioned."""
        return self.work / "forecasts" / f"{key}.hdf5"

    def model(self, key: str) -> Path:
        """Name the folder of a trained model, for a look inside and for transfer; never versioned."""
        return self.work / "models" / key

    def workspace(self, key: str, code_hash: str) -> Path:
        """Name the folder of a run's checkpoints: code that has changed never resumes what other code began."""
        return self.work / "runs" / f"{key}-{code_hash}"

    def trunk(self, key: str, code_hash: str) -> Path:
        """Name the folder of what trainings share that differ in the number of steps alone, named by ``key``."""
        return self.work / "trunks" / f"{key}-{code_hash}"

    def trial(self, key: str, code_hash: str) -> Path:
        """Name the folder of a search's trial: what its stages share, and the checkpoint of the one under way."""
        return self.work / "trials" / f"{key}-{code_hash}"

    def log(self, key: str) -> Path:
        """Name the file of a run's log."""
        return self.work / "logs" / f"{key}.log"

    def split(self, dataset: str, data_key: str, split: str) -> Path:
        """Name the trajectory file of one split of a data set."""
        return self.data / dataset / split / f"{data_key}.hdf5"

    @property
    def table(self) -> Path:
        """File of the run table."""
        return self.results / "runs.parquet"

    @property
    def report(self) -> Path:
        """First page of the report."""
        return self.results / "report" / "index.html"

    @property
    def made_from(self) -> Path:
        """What the run table and the report that are there were made from."""
        return self.results / "made-from.json"

    def card(self, dataset: str, data_key: str) -> Path:
        """Name the file of a data set's card."""
        return self.results / "datasets" / f"{dataset}-{data_key}.json"
