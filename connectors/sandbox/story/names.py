"""Invented names; any likeness is chance. All mail and sites lead to example.com."""

from __future__ import annotations

from random import Random

_FIRST_PARTS = (
    "Alder", "Amber", "Ash", "Birch", "Black", "Blue", "Bright", "Bramble", "Cedar", "Clear",
    "Copper", "Coral", "Dawn", "Eagle", "East", "Elm", "Fair", "Fern", "Flint", "Fox", "Glen",
    "Gold", "Granite", "Green", "Grey", "Harbor", "Haven", "Hazel", "Heather", "High", "Holly",
    "Iron", "Ivy", "Juniper", "Kestrel", "Lake", "Larch", "Laurel", "Linden", "Maple", "Marble",
    "Meadow", "Mill", "Moss", "North", "Oak", "Otter", "Pine", "Quarry", "Raven", "Red", "River",
    "Rowan", "Sage", "Silver", "Slate", "South", "Spruce", "Stone", "Summit", "Swift", "Thorn",
    "Tide", "Timber", "Vale", "West", "Willow", "Wren",
)  # fmt: skip
_SECOND_PARTS = (
    "bank", "bay", "beck", "brook", "cliff", "combe", "crest", "croft", "dale", "den", "fall",
    "fell", "field", "ford", "gate", "grove", "hall", "hurst", "land", "ley", "march", "mere",
    "mont", "moor", "more", "path", "point", "port", "ridge", "side", "stead", "ton", "view",
    "water", "well", "wick", "wood", "worth", "yard",
)  # fmt: skip
_TRADES: dict[str, tuple[str, ...]] = {
    "Manufacturing": ("Components", "Works", "Tooling", "Castings"),
    "Technology": ("Software", "Systems", "Data", "Networks"),
    "Healthcare": ("Clinics", "Diagnostics", "Care", "Medical"),
    "Finance": ("Capital", "Lending", "Advisers", "Payments"),
    "Insurance": ("Mutual", "Cover", "Underwriting"),
    "Retail": ("Stores", "Outfitters", "Market", "Home"),
    "Transportation": ("Freight", "Logistics", "Haulage"),
    "Education": ("Learning", "Academy", "Schools"),
    "Energy": ("Power", "Renewables", "Grid"),
    "Construction": ("Builders", "Contracting", "Surveying"),
    "Hospitality": ("Hotels", "Catering", "Kitchens"),
    "Consulting": ("Partners", "Associates", "Consulting"),
}
INDUSTRIES = tuple(_TRADES)
_ENDINGS = ("Inc", "Ltd", "Group", "LLC", "GmbH", "Co")
_GIVEN = (
    "Adele", "Amir", "Anja", "Aroha", "Bashir", "Beata", "Bruno", "Carla", "Cem", "Chiara",
    "Dana", "Desmond", "Devika", "Elio", "Emeka", "Esther", "Farid", "Fiona", "Georg", "Greta",
    "Hana", "Hugo", "Imani", "Ines", "Ivo", "Jana", "Jonas", "Kaito", "Katya", "Kofi", "Leila",
    "Liam", "Lucia", "Malik", "Marit", "Mei", "Milos", "Nadia", "Niall", "Noor", "Olga", "Omar",
    "Paula", "Pavel", "Priya", "Rafael", "Renate", "Rosa", "Sami", "Selma", "Simon", "Sofia",
    "Tariq", "Tessa", "Tomas", "Uma", "Vera", "Victor", "Wanda", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
_FAMILY = (
    "Abara", "Adler", "Almeida", "Bakker", "Barros", "Becker", "Bianchi", "Brandt", "Castell",
    "Chandra", "Costa", "Dahl", "Demir", "Dietz", "Eriksen", "Falk", "Ferrari", "Fontaine",
    "Gallo", "Haas", "Hedlund", "Hoang", "Ibsen", "Ito", "Jansen", "Kaplan", "Keane", "Kovac",
    "Kumar", "Lang", "Lindqvist", "Lopes", "Maier", "Mbeki", "Mendes", "Moreau", "Nagy", "Nolan",
    "Novak", "Okafor", "Olsen", "Osei", "Park", "Petrov", "Quist", "Ramos", "Ribeiro", "Rossi",
    "Sato", "Schultz", "Serrano", "Silva", "Sorensen", "Tanaka", "Torres", "Ueda", "Varga",
    "Vogel", "Weiss", "Wolff", "Yilmaz", "Zeller", "Ziegler",
)  # fmt: skip
_PLACES = (
    ("Portland", "USA"), ("Denver", "USA"), ("Columbus", "USA"), ("Raleigh", "USA"),
    ("Leeds", "United Kingdom"), ("Bristol", "United Kingdom"), ("Utrecht", "Netherlands"),
    ("Hamburg", "Germany"), ("Leipzig", "Germany"), ("Lyon", "France"), ("Porto", "Portugal"),
    ("Aarhus", "Denmark"), ("Toronto", "Canada"), ("Halifax", "Canada"),
)  # fmt: skip


def company(number: int, industry: str) -> str:
    """The name of the number-th company: distinct for every number.

    The stem walks through all pairs of parts in steps coprime to their count, so neighbours in the
    list do not sound alike; after one round a number is added.
    """
    stems = len(_FIRST_PARTS) * len(_SECOND_PARTS)
    round_, place = divmod(number, stems)
    pair = place * 1009 % stems
    stem = _FIRST_PARTS[pair % len(_FIRST_PARTS)] + _SECOND_PARTS[pair // len(_FIRST_PARTS)]
    trades = _TRADES[industry]
    name = f"{stem} {trades[number % len(trades)]} {_ENDINGS[number // 3 % len(_ENDINGS)]}"
    return f"{name} {round_ + 1}" if round_ else name


def slug(company_name: str) -> str:
    """The company's name as part of a host name."""
    return "".join(c for c in company_name.lower().replace(" ", "-") if c.isalnum() or c == "-")


def person(rng: Random) -> tuple[str, str]:
    """A first and a last name."""
    return rng.choice(_GIVEN), rng.choice(_FAMILY)


def place(rng: Random) -> tuple[str, str]:
    """A city and its country."""
    return rng.choice(_PLACES)
