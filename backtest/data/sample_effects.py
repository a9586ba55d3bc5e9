"""The sizes of the effects planted in the sample market."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effects:
    """What makes the sample market predictable; :data:`NO_EFFECTS` is the market without it.

    Every field at 0 (or False) switches its effect off and nothing else: the random draws, the
    calendar, the listings and the corporate events stay.
    """

    spillover: float
    """Factor on every Hong Kong stock's beta to last night's US technology return."""

    open_share: float
    """Share of the spillover that is in the opening gap; the rest comes during the session."""

    reversal: float
    """Share of the overdone part of a spillover fall that comes back."""

    overdone_keep: float
    """How much of the accumulated US return still counts one session later."""

    overdone_bound: float
    """Accumulated US fall (a fraction) beyond which a further fall is overdone."""

    overdone_mean: float
    """Average overdone US fall per session; taken off, so that the market gains nothing."""

    release: float
    """Share of what is still to come back that comes back in one session."""

    flow_lead: float
    """Southbound net buying, in standard deviations, per 1 % of US fall still to come back."""

    value_spread: float
    """Yearly return of the highest earnings yield over the lowest, linear in the rank between."""

    ipo_pop: bool
    """First-day returns follow the skewed table (True) or a uniform one around zero (False)."""

    ipo_drift: float
    """Earned over ``IPO_DRIFT_SESSIONS`` by the least subscribed listing, lost by the most."""

    flow_knows: float
    """Top-ten net buying, in standard deviations, per standard deviation of what the stock will
    do against the others over ``KNOWN_AHEAD`` sessions."""

    star_board: float
    """Gained or lost per session by all mainland stocks in a phase of ``BOARD_PHASE`` sessions."""

    star_names: float
    """Gained or lost per session by each of them in a phase of its own, of ``NAME_PHASE``."""

    gap_pull: float
    """Yearly return of the market fund that is cheapest against its own normal earnings yield over
    the dearest, linear in the rank between."""

    capex_drag: float
    """Yearly return of the spender whose capex outruns revenue least over the one most."""

    capex_benefit: float
    """Yearly return of the suppliers per unit by which all spenders' capex outran revenue in a
    year, less its mean."""

    coin_hedge: float
    """Return of the second coin per day, per unit of recent US falls beyond ``FEAR_BOUND``."""


IPO_DRIFT_SESSIONS = 120
STRENGTH_SESSIONS = 20
KNOWN_AHEAD = 10
BOARD_PHASE, NAME_PHASE = 150, 90
FEAR_BOUND, FEAR_KEEP = 0.01, 0.8

US_DRIFT = 0.0007
"""Average return of the US technology index per session; in the market without effects too."""

PLANTED = Effects(
    spillover=1.0,
    open_share=0.8,
    reversal=0.90,
    overdone_keep=0.9,
    overdone_bound=0.015,
    overdone_mean=0.0020,
    release=0.15,
    flow_lead=0.50,
    value_spread=0.12,
    ipo_pop=True,
    ipo_drift=0.20,
    flow_knows=0.14,
    star_board=0.0015,
    star_names=0.0014,
    gap_pull=0.40,
    capex_drag=0.20,
    capex_benefit=0.80,
    coin_hedge=0.60,
)

NO_EFFECTS = Effects(
    spillover=0.0,
    open_share=0.0,
    reversal=0.0,
    overdone_keep=0.0,
    overdone_bound=0.0,
    overdone_mean=0.0,
    release=0.0,
    flow_lead=0.0,
    value_spread=0.0,
    ipo_pop=False,
    ipo_drift=0.0,
    flow_knows=0.0,
    star_board=0.0,
    star_names=0.0,
    gap_pull=0.0,
    capex_drag=0.0,
    capex_benefit=0.0,
    coin_hedge=0.0,
)

# Falls of the simulated US technology index on these sessions (close to close, fractions). The
# dates mirror well-known spillover episodes; between them the path is random.
EPISODES: dict[str, float] = {
    "2018-10-10": -0.042, "2018-10-11": -0.018, "2018-10-24": -0.044,
    "2020-03-09": -0.062, "2020-03-11": -0.041, "2020-03-12": -0.071,
    "2022-10-07": -0.038, "2022-10-10": -0.016, "2022-10-11": -0.019, "2022-10-14": -0.031,
    "2024-08-01": -0.024, "2024-08-02": -0.028, "2024-08-05": -0.035,
    "2025-04-03": -0.054, "2025-04-04": -0.056, "2025-04-08": -0.020,
    "2026-02-03": -0.020, "2026-02-04": -0.026, "2026-02-05": -0.023,
}  # fmt: skip
