"""Reads an executor's spool (executors/spool.cc) and names attempts as the daemon does."""
import hashlib
import os
import struct

ENTRY = struct.Struct("<IIII8s")
MAGIC, RESULT, DROPPED = 0x3153444F, 1, 2


def attempt_token(run_id, node, attempt):
    """daemon/base/ids.cc, AttemptToken."""
    return hashlib.sha256(f"{run_id}/n{node}.{attempt}".encode()).digest()[:16].hex()


def tokens_kept(state_folder):
    """Tokens whose results stand whole in this spool and were not dropped."""
    try:
        with open(os.path.join(state_folder, "spool", "results.log"), "rb") as f:
            data = f.read()
    except FileNotFoundError:
        return set()
    kept, at = set(), 0
    while at + ENTRY.size <= len(data):
        magic, kind, token_bytes, payload_bytes, checksum = ENTRY.unpack_from(data, at)
        end = at + ENTRY.size + token_bytes + payload_bytes
        if magic != MAGIC or end > len(data):
            break
        body = data[at + ENTRY.size:end]
        if hashlib.sha256(data[at + 4:at + 16] + body).digest()[:8] != checksum:
            break
        token = body[:token_bytes].decode()
        (kept.add if kind == RESULT else kept.discard)(token)
        at = end
    return kept
