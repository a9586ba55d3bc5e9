"""Notebooks of docs/notebooks, written and executed; run it to renew them.

It needs nbclient and ipykernel: ``pip install nbclient ipykernel``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import nbformat

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "notebooks"
_FINGERPRINT = re.compile(r"/[0-9a-f]{12}")

# Cells of each notebook: text begins with "#", everything else is code.
NOTEBOOKS: dict[str, list[str]] = {
    "dip": [
        "# Buying dips that came over\n\nA fall of Hong Kong technology that New York's nights explain, bought at the next open. "
        "The market is simulated: nothing here is evidence about a real one.",
        'import backtest\n\nresult = backtest.run("configs/spillover_dip.yaml")\nresult',
        "# The dips\n\nEvery fall that the strategy looked at, whether it was bought, and what prices did afterwards.",
        'dips = result.context["events"]\n'
        "print(f\"{len(dips):,} falls, {int(dips['taken'].sum()):,} bought\")\n"
        'dips.groupby("taken")[["return_5", "return_20", "market_20"]].mean().round(4)',
        "# By the share that came over\n\nThe planted effect: what New York explains comes back, what it does not stays down.",
        'data = result.to_alphalens("spillover_share", quantiles=3)\n'
        'data.groupby("factor_quantile")[["5D", "20D", "factor"]].mean().round(4)',
        "# What it cost",
        'costs = result.ledger[result.ledger["kind"].isin(["fee", "fx_cost"])]\n'
        'costs.groupby("component")["amount"].sum().round(0).sort_values()',
    ],
    "cheap": [
        "# Rotating into low P/E\n\nThe cheapest names by earnings yield, as known at each decision: earnings count from the moment they were published.",
        'import backtest\n\nresult = backtest.run("configs/low_pe_rotation.yaml")\nresult',
        "# What was known when\n\nThe panel shows a fact from `known_at` on; the same quarter's earnings may be restated later.",
        "from backtest import load_config\nfrom backtest.runner import prepare\n\n"
        'stage = prepare(load_config("configs/low_pe_rotation.yaml"))\npanel = stage.panel\n'
        'earnings = panel.fact("eps_ttm")\nage = panel.age("eps_ttm")\n'
        'print(f"median age of the earnings used: {age.where(panel.universe).stack().median():.0f} days")',
        "# Is it more than luck?\n\nAgainst equal weights over the same universe, by a paired bootstrap of the daily differences.",
        'equal = backtest.run("configs/equal_weight.yaml")\n'
        "comparison = backtest.compare([result, equal])\n"
        "comparison",
    ],
    "listings": [
        "# Listings from day one\n\nEvery new listing bought at its first trade or, another account, by application at the offer price.",
        'import backtest\n\nmarket = backtest.run("configs/ipo_day_one.yaml")\nmarket',
        "# The cohort in event time\n\nMean and quartiles of what listings did from the entry on, against the market.",
        'path = market.context["event_path"]\n'
        'path[(path["group"] == "all") & path["offset"].isin([0, 1, 5, 20, 60, 120])][\n'
        '    ["offset", "count", "mean", "q25", "q75", "market"]\n].round(4)',
        "# By how many times they were oversubscribed",
        'data = market.to_alphalens("oversubscription", quantiles=3)\n'
        'data.groupby("factor_quantile")[["1D", "20D", "factor"]].mean().round(4)',
    ],
}


def notebook(name: str) -> nbformat.NotebookNode:
    """Return the notebook without outputs."""
    import nbformat

    cells = [
        nbformat.v4.new_markdown_cell(text)
        if text.startswith("#")
        else nbformat.v4.new_code_cell(text)
        for text in NOTEBOOKS[name]
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"{name}-{number}"
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return made


def main() -> None:
    """Execute every notebook, or those named on the command line, from the project's folder."""
    import nbformat
    from nbclient import NotebookClient

    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or NOTEBOOKS:
        made = notebook(name)
        NotebookClient(
            made, timeout=600, kernel_name="python3", resources={"metadata": {"path": ROOT}}
        ).execute()
        for cell in made.cells:
            cell.metadata.pop("execution", None)  # times: the same notebook is to be the same bytes
            for output in cell.get("outputs", []):
                text = output.get("data", {}).get("text/plain", "")
                if text.startswith("Result("):  # its fingerprint is that of this very code
                    output["data"]["text/plain"] = _FINGERPRINT.sub("", text)
        made.metadata.pop("language_info", None)
        nbformat.write(made, FOLDER / f"{name}.ipynb")


if __name__ == "__main__":
    main()
