"""Standard properties as tables of text, one a line, read into definitions."""

from __future__ import annotations

from connectors.sandbox.hubspot.definitions import Option, Property

_FIELDS = {
    "string": "text",
    "number": "number",
    "datetime": "date",
    "date": "date",
    "bool": "booleancheckbox",
    "enumeration": "select",
}
_BOOL = (Option("true", "True", 0), Option("false", "False", 1))


def read(group: str, text: str) -> list[Property]:
    """The properties of one group.

    Each line is `name type[/field type] [flags] "label" [options]`. Flags: `r` a value is read
    only, `c` calculated, `x` the options stand elsewhere, `h` hidden, `f` may stand in a form,
    `o` an owner, `$` money. Options are `value` or `value=label`, joined by commas.
    """
    return [_read(group, line) for line in text.strip().splitlines()]


def _read(group: str, line: str) -> Property:
    head, label, choices = (part.strip() for part in line.split('"'))
    name, kind, *flags = head.split()
    marks = flags[0] if flags else ""
    type_, _, field_type = kind.partition("/")
    options = tuple(_option(n, choice) for n, choice in enumerate(choices.split(",")) if choice)
    if type_ == "bool" and not options:
        options = _BOOL
    return Property(
        name,
        type_,
        field_type or _FIELDS[type_],
        label,
        group,
        options=options,
        calculated="c" in marks,
        read_only="r" in marks or "c" in marks,
        external="x" in marks or "o" in marks,
        standard=True,
        referenced="OWNER" if "o" in marks else "",
        hidden="h" in marks,
        form_field="f" in marks,
        currency="deal_currency_code" if "$" in marks else "",
    )


def _option(order: int, choice: str) -> Option:
    value, _, label = choice.strip().partition("=")
    return Option(value, label or value.replace("_", " ").capitalize(), order)
