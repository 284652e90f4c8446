"""Every key that the code reads stands in its example file, and the other way round."""
import re

# (source that reads the keys, example). The readers name their keys as string literals.
READERS = [("daemon/config/config.cc", "deploy/odwd.example.toml"),
           ("executors/config.cc", "deploy/executor.example.toml")]
# Function that reads a table -> the table's name in the example.
TABLES = {"ReadLimits": "limits", "ReadExecutor": "executors", "ReadBudget": "budget", "ReadFallback": "fallback", "ReadAll": "",
          "ReadCommand": "commands.NAME", "ReadBamboo": "bamboo",
          "ReadClaude": "claude", "ReadCodex": "codex", "Read": ""}
_READ = re.compile(r"\b(in|reader|executor|sub)\.(Text|Texts|Flag|Number|Tokens|Money|Rates|Seconds|String|Strings|Bool|"
                   r"Millis|ExitStatuses)\(\s*\"(\w+)\"")
_FUNCTION = re.compile(r"^[\w:<>]+ (Read\w*)\(", re.MULTILINE)


def keys_of_code(text):
    """{(table, key)} that a config.cc reads."""
    starts = [(m.start(), m.group(1)) for m in _FUNCTION.finditer(text)]
    keys = set()
    for match in _READ.finditer(text):
        function = [name for at, name in starts if at < match.start()][-1]
        # executors/config.cc reads [executor] inside Read, by a reader of that name.
        table = "executor" if match.group(1) == "executor" else TABLES.get(function, function)
        keys.add((table, match.group(3)))
    return keys


def keys_of_example(text):
    """{(table, key)} of an example file, commented out or not."""
    table, keys = "", set()
    for line in text.splitlines():
        header = re.match(r"#?\[\[?([\w.]+)\]\]?\s*$", line)
        if header:
            table = header.group(1)
            continue
        key = re.match(r"#?(\w+) = ", line)
        if key:
            keys.add((table, key.group(1)))
    return keys


def check_config_keys(tree):
    """Every setting of the code stands in its example file, and no other"""
    problems = []
    for source, example in READERS:
        if source not in tree.files:
            continue
        code, shown = keys_of_code(tree.text(source)), keys_of_example(tree.text(example))
        if not code:
            problems.append(f"{source}: no key was found; has its reader changed?")
        for table, key in sorted(code - shown):
            problems.append(f"{example}: [{table}] {key} is missing ({source} reads it)")
        for table, key in sorted(shown - code):
            problems.append(f"{example}: [{table}] {key} is read by nothing in {source}")
    return problems


CHECKS = [check_config_keys]
