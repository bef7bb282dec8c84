"""An answer on which the quick parser gives up, read value by value.

The quick one knows no number of forty digits, in whatever field, and no list in a custom field's
place. One such value must not hold up a whole sync: its page comes this way, and what can't be used
is told of that value alone.
"""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

_CUSTOM = "custom_fields"


def fitted(body: bytes, schema: dict[str, Any]) -> pl.DataFrame:
    """One row with the columns of a schema.

    Raises:
        ValueError: the body is no JSON.
        TypeError: it is of another form; in custom fields every form goes.
    """
    fields = [pl.Field(name, dtype) for name, dtype in schema.items()]
    return pl.DataFrame([_struct(orjson.loads(body), fields, any_form=False)], schema=schema)


def _fit(value: Any, dtype: Any, *, any_form: bool) -> Any:
    if value is None:
        return None
    if isinstance(dtype, pl.Struct):
        return _struct(value, dtype.fields, any_form=any_form)
    if isinstance(dtype, pl.List):
        if not isinstance(value, list):
            raise TypeError("no list")
        return [_fit(one, dtype.inner, any_form=any_form) for one in value]
    if dtype == pl.String:
        if isinstance(value, dict | list) and not any_form:
            raise TypeError("no single value")
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    if not isinstance(value, int):
        raise TypeError("no count")
    return value


def _struct(value: Any, fields: list[pl.Field], *, any_form: bool) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return {
        field.name: _fit(
            value.get(field.name), field.dtype, any_form=any_form or field.name == _CUSTOM
        )
        for field in fields
    }
