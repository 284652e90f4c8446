"""script.proto is LITE and cannot import types.proto: what it repeats must stay equal."""
import re

TYPES = "proto/odw/v1/types.proto"
SCRIPT = "proto/odw/v1/script.proto"
_FIELD = re.compile(r"^\s*((?:repeated |optional )?[\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;")


def fields(text, message):
    """[(type, name, number)] of a message without nested ones."""
    match = re.search(r"^message " + message + r" \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    if not match:
        return None
    return [m.groups() for m in map(_FIELD.match, match.group(1).splitlines()) if m]


def check_agent_request(tree):
    """AgentRequest is the same in script.proto and types.proto"""
    left = fields(tree.text(TYPES), "AgentRequest")
    right = fields(tree.text(SCRIPT), "AgentRequest")
    if not left or not right:
        return [f"no AgentRequest with fields in {TYPES if not left else SCRIPT}"]
    return [f"AgentRequest differs: {sorted(set(left) ^ set(right))}"] if left != right else []


def check_field_numbers(tree):
    """No message uses a field number twice"""
    problems = []
    for name in tree.with_suffix(".proto"):
        for message in re.findall(r"^message (\w+) \{\n", tree.text(name), re.MULTILINE):
            found = fields(tree.text(name), message) or []
            numbers = [n for _, _, n in found]
            twice = {n for n in numbers if numbers.count(n) > 1}
            # Nested messages number for themselves.
            nested = re.search(r"^message " + message + r" \{\n(?:(?!^\}).*\n)*?\s+message ",
                               tree.text(name), re.MULTILINE)
            if twice and not nested:
                problems.append(f"{name}: {message} uses {sorted(twice)} twice")
    return problems


CHECKS = [check_agent_request, check_field_numbers]
