#!/usr/bin/env bash
# odw.d.ts and the examples, by the TypeScript compiler.
#   run.sh BUILD_DIR   the compiler is installed below it, by package-lock.json
set -uo pipefail
build=$(cd "${1:?usage: run.sh BUILD_DIR}" && pwd) || exit 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
compiler=$build/typescript
if ! cmp -s "$here/package-lock.json" "$compiler/package-lock.json" || [ ! -d "$compiler/node_modules" ]; then
  rm -rf "$compiler" && mkdir -p "$compiler"
  cp "$here/package.json" "$here/package-lock.json" "$compiler/"
  if ! (cd "$compiler" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
    rm -rf "$compiler"
    echo "tests/types: error: the TypeScript compiler could not be installed; npm's message stands above" >&2
    echo "0 passed, 1 failed"
    exit 1
  fi
fi
ODW_TYPESCRIPT=$compiler/node_modules/typescript/lib/typescript.js exec node "$here/check.mjs"
