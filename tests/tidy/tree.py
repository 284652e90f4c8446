"""The files of the repository as the checks see them."""
import os
import re
import subprocess

CPP = (".cc", ".h")
_INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]', re.MULTILINE)


class Tree:
    """Files that git tracks or would track, relative to `root`, sorted."""

    def __init__(self, root):
        self.root = root
        listing = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"],
            check=True, capture_output=True).stdout
        names = sorted({n.decode("utf-8", "surrogateescape") for n in listing.split(b"\0") if n})
        self.files = [n for n in names if os.path.isfile(os.path.join(root, n))]
        self._text = {}
        self._includes = {}

    def path(self, name):
        return os.path.join(self.root, name)

    def text(self, name):
        if name not in self._text:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                self._text[name] = f.read()
        return self._text[name]

    def with_suffix(self, *suffixes):
        return [n for n in self.files if n.endswith(suffixes)]

    def sources(self):
        """Our C++ files."""
        return self.with_suffix(*CPP)

    def includes(self, name):
        """[(line, kind, target)]: kind is '<' or '"'."""
        if name not in self._includes:
            text = self.text(name)
            self._includes[name] = [(text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2))
                                    for m in _INCLUDE.finditer(text)]
        return self._includes[name]


def is_test(name):
    return (name.startswith("tests/") or "/testing/" in name or
            name.endswith(("_test.cc", "_testing.h", "_testing.cc")))
