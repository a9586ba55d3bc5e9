"""A finished run in an experiment tracker; nothing else depends on one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from backtest.errors import RunError

if TYPE_CHECKING:
    from backtest.result import Result

_LONGEST = 500  # characters of a parameter's value that MLflow takes everywhere
_FILES = ("tearsheet.html", "config.yaml", "manifest.json", "metrics.json")
_TAG = "backtest.fingerprint"


def check_mlflow() -> None:
    """Raise RunError where MLflow is not installed."""
    try:
        import mlflow  # noqa: F401 - that it is there
    except ImportError:
        raise RunError(
            "tracking: mlflow needs MLflow: pip install 'portfolio-backtest[mlflow]'"
        ) from None


def log_to_mlflow(result: Result, folder: Path) -> str:
    """Log a saved run with MLflow, once for each fingerprint; the id of its MLflow run.

    The experiment is the config's name; where it lies MLflow's own settings say, such as
    ``MLFLOW_TRACKING_URI``. Parameters are the settings by dotted key, metrics every number of
    ``metrics.json`` that is finite, artifacts the tearsheet and what it was made of.

    Raises
    ------
    RunError
        When MLflow refuses; the run itself is saved by then.
    """
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        client = MlflowClient()
        found = client.get_experiment_by_name(result.name)
        home = found.experiment_id if found else client.create_experiment(result.name)
        same = f"tags.`{_TAG}` = '{result.fingerprint}'"
        known = client.search_runs([home], filter_string=same, max_results=1)
        if known:
            return str(known[0].info.run_id)
        tags = {_TAG: result.fingerprint, "backtest.bundle": str(result.manifest["bundle"]["hash"])}
        with mlflow.start_run(
            experiment_id=home, run_name=result.fingerprint, tags=tags, log_system_metrics=False
        ) as run:
            mlflow.log_params({key: text[:_LONGEST] for key, text in _settings(result.config)})
            mlflow.log_metrics(dict(_numbers(result.metrics)))
            for name in _FILES:
                mlflow.log_artifact(str(folder / name))
            return str(run.info.run_id)
    except (MlflowException, OSError) as error:
        raise RunError(f"{folder} is saved, but MLflow did not take it: {error}") from error


def _settings(node: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _settings(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value)


def _numbers(node: Mapping[str, object], above: str = "") -> Iterator[tuple[str, float]]:
    """Every finite number, by dotted key; lists (months, years) are left to the artifacts."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{above}{key}.")
        elif (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        ):
            yield f"{above}{key}", float(value)
