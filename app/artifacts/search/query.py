"""The meaning of a query in AQL: its text becomes a `Query`, or an error that says what is wrong. Pure.

Contract artifactory-storage 7.2.
"""

from app.artifacts.search.conditions import condition_of
from app.artifacts.search.grammar import Call, Number, Object, Value, parse
from app.artifacts.search.model import DEFAULT, FIELDS, Query
from app.artifacts.search.refusals import wrong
from app.evolve import evolve

#: Offsets and limits beyond it mean the same.
_MOST = 2**62
_ITEM_FIELDS = tuple(field for field in FIELDS if not field.startswith("stat."))


def read(text: str, now: int) -> Query:
    """The query of a text, at a time in Unix milliseconds. Invalid names what is wrong, or the limit."""
    domain, calls = parse(text)
    if domain != "items" or calls[0].name != "find":
        raise wrong("bad_domain", f"begins with {domain[:50]}.{calls[0].name[:50]}(: only items.find( is known")
    if len(calls[0].arguments) > 1 or not all(isinstance(value, Object) for value in calls[0].arguments):
        raise wrong("bad_find", "has something else than one object in items.find(…)")
    criteria = calls[0].arguments[0] if calls[0].arguments else Object(())
    assert isinstance(criteria, Object)
    query = Query(condition_of(criteria, now))
    seen = set[str]()
    for call in calls[1:]:
        if call.name in seen:
            raise wrong("call_twice", f"calls .{call.name} more than once")
        seen.add(call.name)
        query = _refined(query, call)
    return query


def _refined(query: Query, call: Call) -> Query:
    match call.name:
        case "include":
            return _including(query, _names(call.arguments, ".include"))
        case "sort":
            return evolve(query, order=_order(call))
        case "offset":
            return evolve(query, offset=_number(call))
        case "limit":
            return evolve(query, limit=_number(call))
        case "transitive" | "distinct":
            return query  # nothing is remote, and no item is found twice
        case name:
            words = f"calls .{name[:50]}: only include, sort, offset, limit, transitive and distinct are known"
            raise wrong("bad_call", words)


def _including(query: Query, names: tuple[str, ...]) -> Query:
    fields, properties, stats = list[str](), set[str](), False
    for name in names:
        if name == "*":
            fields.extend(_ITEM_FIELDS)
        elif name in _ITEM_FIELDS:
            fields.append(name)
        elif name == "property" or name.startswith("property."):
            properties.add("*")
        elif name.startswith("@"):
            properties.add(name[1:])
        elif name == "stat" or name.startswith("stat."):
            stats = True
        else:
            words = f"includes {name[:100]!r}, which is no field of an answer: known are {', '.join(_ITEM_FIELDS)}"
            raise wrong("bad_field", f"{words}, property, stat, @KEY and *")
    kept = tuple(dict.fromkeys(fields)) or DEFAULT
    return evolve(query, fields=kept, properties=frozenset(properties), stats=stats)


def _order(call: Call) -> tuple[tuple[str, bool], ...]:
    arguments = call.arguments
    if len(arguments) != 1 or not isinstance(arguments[0], Object) or not arguments[0].members:
        raise wrong("bad_sort", 'has a .sort without an object: write .sort({"$asc": ["name"]})')
    order = list[tuple[str, bool]]()
    for key, value in arguments[0].members:
        if key not in ("$asc", "$desc") or not isinstance(value, tuple):
            raise wrong("bad_sort", f'sorts by {key[:100]!r}: write .sort({{"$asc": ["name"]}}), or "$desc"')
        for name in _names(value, ".sort"):
            if name not in FIELDS:
                raise wrong("bad_field", f"sorts by {name[:100]!r}: known are {', '.join(FIELDS)}")
            if name not in dict(order):
                order.append((name, key == "$desc"))
    return tuple(order)


def _names(values: tuple[Value, ...], where: str) -> tuple[str, ...]:
    names = tuple(value for value in values if isinstance(value, str))
    if len(names) < len(values):
        raise wrong("bad_names", f"has something else than texts in {where}(…)")
    return names


def _number(call: Call) -> int:
    texts = [value.text if isinstance(value, Number) else value for value in call.arguments]
    if len(texts) != 1 or not isinstance(texts[0], str) or not (texts[0].isascii() and texts[0].isdecimal()):
        raise wrong("bad_number", f"has no whole number in .{call.name}(…), which takes one from 0")
    return _MOST if len(texts[0]) > 18 else int(texts[0])
