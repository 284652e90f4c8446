"""odw-script --validate, asked as an executor asks it: frames of ValidateRequest on its standard input.

The few fields of ValidateRequest and ValidateReply (proto/odw/v1/script.proto) are coded here by hand, so that the
suite needs no protobuf for python."""
import os
import struct
import subprocess

VERDICTS = ("VALID", "INVALID", "BAD_SCHEMA", "NOT_JSON", "TIMED_OUT")
LENGTH = struct.Struct("<I")
STRING, VARINT = 2, 0


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _text(field, text):
    raw = text.encode()
    return bytes([field << 3 | STRING]) + _varint(len(raw)) + raw


def request(number, schema, value=None):
    """A ValidateRequest's bytes; without a value the schema alone is checked."""
    out = bytes([1 << 3 | VARINT]) + _varint(number) + _text(2, schema)
    return out if value is None else out + _text(3, value)


def _read_varint(raw, at):
    number = shift = 0
    while True:
        byte = raw[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def reply(raw):
    """(verdict, mismatches, id) of a ValidateReply's bytes."""
    verdict, lines, number, at = 0, [], 0, 0
    while at < len(raw):
        key, at = _read_varint(raw, at)
        value, at = _read_varint(raw, at)
        if key & 7 == STRING:
            if key >> 3 == 3:
                lines.append(raw[at:at + value].decode())
            at += value
        elif key >> 3 == 1:
            number = value
        elif key >> 3 == 2:
            verdict = value
    return VERDICTS[verdict], lines, number


class Validator:
    """The child; a context manager."""

    def __init__(self, build):
        self._argv = [os.path.join(build, "bin", "odw-script"), "--validate"]
        self._asked = 0

    def __enter__(self):
        self._child = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait(30)

    def ask(self, schema, value=None):
        """(verdict, mismatches)."""
        self._asked += 1
        raw = request(self._asked, schema, value)
        self._child.stdin.write(LENGTH.pack(len(raw)) + raw)
        self._child.stdin.flush()
        head = self._child.stdout.read(LENGTH.size)
        if len(head) < LENGTH.size:
            raise RuntimeError(f"odw-script --validate ended with status {self._child.wait(30)}")
        verdict, lines, number = reply(self._child.stdout.read(LENGTH.unpack(head)[0]))
        if number != self._asked:
            raise RuntimeError(f"the answer to question {number} came for question {self._asked}")
        return verdict, lines
