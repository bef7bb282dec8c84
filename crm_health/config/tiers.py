"""The pyramid of customers: who is looked after how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from crm_health.config.base import Expression, Frozen, Slug
from crm_health.config.lifecycle import Labelled


class Tier(Labelled):
    """One step of the pyramid."""

    #: Its name in expressions, and in what we remember: never rename it.
    name: Slug
    #: Percent of the customers; None, for the last one: the rest.
    share: float | None = Field(default=None, gt=0, lt=100)
    #: So many at least, however few customers there are.
    at_least: int = Field(default=0, ge=0)
    #: Who looks after them: a person by name, some who share them, or nobody in person.
    contact: Literal["named", "pool", "queue"]
    #: Customers that one person can look after; None: nobody has to.
    accounts_per_csm: int | None = Field(default=None, ge=1)
    #: Percent of the customers that should stay; None: as many as the year before.
    retention_goal: float | None = Field(default=None, gt=0, le=100)


class Review(Frozen):
    """When customers change tier, and how many."""

    #: On the first business day of these months.
    months: Annotated[tuple[int, ...], Field(strict=False, min_length=1, max_length=12)] = (
        1,
        4,
        7,
        10,
    )
    #: Percent of the customers that move in one review at most, up and down together.
    max_moves_percent: float = Field(default=5, gt=0, le=100)
    #: Down only from so many percentile points below the share, in so many reviews running...
    down_points: float = Field(default=5, ge=0, lt=100)
    down_reviews: int = Field(default=2, ge=1, le=12)
    #: ...after so many days in the tier, and while `down_unless` does not hold.
    down_after_days: int = Field(default=365, ge=0)
    down_unless: Expression | None = None


class Tiers(Frozen):
    """The tiers from the top down, and how customers come into them."""

    #: The higher, the further up. Over account columns, facts and `rank_...` of the book.
    rank: Expression
    #: What the customer is worth: when it grows by `jump_factor`, a move up needs no review.
    value: Expression
    jump_factor: float = Field(default=1.5, gt=1, le=100)
    #: Where customers without a rank are.
    unranked: Slug
    #: Days that a person's choice stands.
    pin_days: int = Field(default=365, ge=1, le=3650)
    review: Review = Review()
    steps: Annotated[tuple[Tier, ...], Field(strict=False, min_length=2, max_length=6)]
