"""Logs and metrics, as Powertools writes them. Only opaque ids go in: no log is an address book."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

logger = Logger()
metrics = Metrics(namespace="Sarafan")


def count(name: str, number: int = 1) -> None:
    """Add to a metric; it is written with the others when the handler ends."""
    if is_metrics_disabled():
        metrics.clear_metrics()  # Powertools keeps them then, and prints them at the hundredth
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
