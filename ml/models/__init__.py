"""The app's tables: what is learnt of servers, what was unusual, and what remains to be learnt."""

from __future__ import annotations

from ml.models.cards import Card
from ml.models.forecasts import Crossing, DiskRisk, Forecast, Risk, Sizing
from ml.models.watching import Episode, ModelVersion, Sensitivity, Training, Watch

__all__ = [
    "Card",
    "Crossing",
    "DiskRisk",
    "Episode",
    "Forecast",
    "ModelVersion",
    "Risk",
    "Sensitivity",
    "Sizing",
    "Training",
    "Watch",
]
