"""Whether a value plainly fits a schema, said without `jsonschema`, which takes long to import.

Only the words that prompts use for lists and texts are known here. A yes is final; a no means that
somebody must look who knows them all, and can say what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KINDS = {"object": dict, "array": list, "string": str}
_WORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "maxItems"},
    "string": {"minLength", "maxLength"},
}
_SAID = {"type", "title", "description"}  # nothing that a value could break


def plainly_fits(value: Any, schema: Any) -> bool:
    """Whether ``value`` surely fits; bounds (maxLength, maxItems) are not held against it."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(value, _KINDS[kind]):
        return False
    if not set(schema) <= _WORDS[kind] | _SAID:
        return False
    if isinstance(value, str):
        least = schema.get("minLength", 0)
        return isinstance(least, int) and len(value) >= least
    if isinstance(value, list):
        return "items" not in schema or all(plainly_fits(one, schema["items"]) for one in value)
    return _has_its_parts(value, schema)


def _has_its_parts(value: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    parts, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(parts, Mapping) or not isinstance(required, list):
        return False
    known = set(value) <= set(parts) or schema.get("additionalProperties", True) is True
    return (
        known
        and all(name in value for name in required)
        and all(plainly_fits(part, parts[name]) for name, part in value.items() if name in parts)
    )
