"""Parts of plotly figures in the house style, as plain dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

# Plotly's JSON is too wide for a type of ours: its own validator is not worth its cost here.
Trace = dict[str, object]
Layout = dict[str, dict[str, object]]

_FEW_DAYS = 5
_GAP = 0.085  # of the figure's height, between panels


def plain(text: object) -> str:
    """``text`` with the signs that plotly would read as markup taken literally.

    >>> plain("<b>A&B</b>")
    '&lt;b&gt;A&amp;B&lt;/b&gt;'
    """
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(text: object, most: int = 22) -> str:
    """``text`` cut to ``most`` signs, with an ellipsis where something is missing.

    >>> short("Semiconductors", 8)
    'Semicon…'
    """
    words = str(text)
    return words if len(words) <= most else words[: most - 1] + "…"


def line(
    x: Sequence[str],
    y: object,
    name: str,
    color: str,
    *,
    width: float = 1.5,
    dash: str = "solid",
    shape: str = "linear",
    **more: object,
) -> Trace:
    """Thin line; what is not known is a gap."""
    return {
        "type": "scatter",
        # A line through one point cannot be seen.
        "mode": "lines" if len(x) > 1 else "markers",
        "x": x,
        "y": y,
        "name": plain(name),
        "line": {"color": color, "width": width, "dash": dash, "shape": shape},
        "connectgaps": False,
        **more,
    }


def bars(x: object, y: object, name: str, color: object, **more: object) -> Trace:
    """Bars without outlines."""
    marker = {"color": color, "line": {"width": 0}}
    return {"type": "bar", "x": x, "y": y, "name": plain(name), "marker": marker, **more}


def base_layout() -> Layout:
    """Layout that every chart shares."""
    layout: dict[str, object] = {
        "margin": {"l": 8, "r": 8, "t": 22, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": "@muted"},
        "showlegend": False,
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverlabel": {
            "bgcolor": "@paper",
            "bordercolor": "@line",
            "font": {"color": "@ink"},
            "namelength": 40,
        },
        "separators": ".,",
        "bargap": 0.3,
        "bargroupgap": 0.08,
        "xaxis": house_axis(),
        "yaxis": house_axis(),
    }
    return layout  # type: ignore[return-value]  # the mappings are what callers add to


def panels(
    titles: Sequence[str],
    shares: Sequence[float],
    axes: Sequence[Mapping[str, object]],
    *,
    first: str,
    last: str,
) -> Layout:
    """Layout of panels one above the other, ``shares`` of the height each.

    They share one time axis, from the session ``first`` to the session ``last``: the whole run is
    shown, so that what is blank is seen to be blank.
    """
    room = 1.0 - _GAP * (len(shares) - 1)
    layout = base_layout()
    notes: list[Trace] = []
    top = 1.0
    for row, (title, share, axis) in enumerate(zip(titles, shares, axes, strict=True)):
        bottom = max(0.0, top - room * share / sum(shares))
        layout[f"yaxis{row + 1 if row else ''}"] = {**house_axis(), "domain": [bottom, top], **axis}
        if title:
            notes.append(title_above(title, top))
        top = bottom - _GAP
    layout["xaxis"] |= {
        **date_axis(),
        "anchor": f"y{len(shares) if len(shares) > 1 else ''}",
    }
    layout["xaxis"] |= _span(first, last)
    return {**layout, "annotations": notes}  # type: ignore[dict-item]  # a list, as plotly wants


def percent_axis() -> Trace:
    """Ticks of values in percent."""
    return {"ticksuffix": " %", "tickformat": "~f"}


def date_axis() -> Trace:
    """Ticks of points in time: ISO dates, as much of them as the span needs."""
    stops = ((None, "M1", "%Y-%m-%d"), ("M1", "M12", "%Y-%m"), ("M12", None, "%Y"))
    return {
        "type": "date",
        "showgrid": False,
        "hoverformat": "%Y-%m-%d",
        "tickformatstops": [
            {"dtickrange": [low, high], "value": form} for low, high, form in stops
        ],
    }


def _span(first: str, last: str) -> Trace:
    """Range of the time axis; a run of a few days gets a tick a day instead of hours."""
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days
    if days > _FEW_DAYS:
        return {"range": [first, last]}
    return {
        "range": [f"{date.fromisoformat(first) - timedelta(days=1)} 12:00", f"{last} 12:00"],
        "tick0": first,
        "dtick": 86_400_000,
        "tickformat": "%Y-%m-%d",
    }


def house_axis() -> Trace:
    """Axis in the house style."""
    return {
        "gridcolor": "@grid",
        "linecolor": "@line",
        "zeroline": False,
        "zerolinecolor": "@faint",
        "automargin": True,
        "ticks": "",
    }


def title_above(title: str, top: float) -> Trace:
    """Words above a panel."""
    return {
        "text": plain(title),
        "x": 0,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": "@muted"},
    }
