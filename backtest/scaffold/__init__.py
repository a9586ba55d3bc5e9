"""Files for a project of one's own, from templates."""

from backtest.scaffold.project import Made, new_project, new_strategy

__all__ = ["Made", "new_project", "new_strategy"]
