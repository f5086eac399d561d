"""config/notes.schema.json, the JSON Schema of the added fields, as a check that any test can use.

What it leaves open for later versions is closed here: a member that it does not name is an error.
"""

import json
from functools import cache

import jsonschema_rs
from processes import HERE

FILE = HERE.parent.parent / "config" / "notes.schema.json"


def schema():
    """The schema as it is shipped."""
    return json.loads(FILE.read_bytes())


def closed(part):
    """The same, but an object has the properties that are named and no others."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    named = "properties" in part and part.get("type") == "object"
    return {name: closed(one) for name, one in part.items()} | ({"additionalProperties": False} if named else {})


@cache
def validator():
    return jsonschema_rs.validator_for(closed(schema()), validate_formats=True)


def errors(added):
    """What is wrong with these members, a line each."""
    return [f"{error.instance_path}: {error.message[:300]}" for error in validator().iter_errors(added)]


def check_schema(added):
    """The added members are what the schema says."""
    wrong = errors(added)
    assert not wrong, "\n".join(wrong[:10])
