"""What all config models share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Frozen(BaseModel):
    """An immutable config node that refuses unknown keys, coercion and NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


#: A name in expressions and columns.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
#: A rule's immutable slug: part of keys in the CRM, so short and without colons.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
#: An expression over columns, facts or scores (Polars SQL; no statements, no file functions).
Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
#: A list of texts. Not strict, since YAML and JSON know no tuples; its items are.
Texts = Annotated[tuple[str, ...], Field(strict=False)]
