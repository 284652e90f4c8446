// acorn, set up for a workflow script: the body of an async function (SPEC B6), sloppy unless it
// says 'use strict', with export and import parsed so that they can be refused with a clear word.
import { Parser, tokTypes } from 'acorn';

const SCOPE_FUNCTION = 2;
const SCOPE_ASYNC = 4;

class BodyParser extends Parser {
  constructor(options, input, startPos) {
    super(options, input, startPos);
    // sourceType 'module' (for export, import and await as words) would make all code strict.
    this.strict = this.strictDirective(this.pos);
    // return, new.target and repeated function names are a function's.
    this.scopeStack = [];
    this.enterScope(SCOPE_FUNCTION | SCOPE_ASYNC);
  }
}

const OPTIONS = {
  ecmaVersion: 'latest',
  sourceType: 'module',
  allowHashBang: true,
  allowReturnOutsideFunction: true,
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
  locations: true,
};

// The AST. Throws acorn's SyntaxError, with `loc`.
export const parseBody = (source) => BodyParser.parse(source, OPTIONS);

// The literal of `export const meta = ...` where a script begins with it, whatever follows: a body
// that does not parse leaves its workflow a name (SPEC M3). Throws like parseBody.
export function parseLeadingMeta(source) {
  const tokens = BodyParser.tokenizer(source, OPTIONS);
  let token = tokens.getToken();
  while (token.type === tokTypes.string || token.type === tokTypes.semi) token = tokens.getToken();
  for (const word of ['export', 'const', 'meta', '=']) {
    if (source.slice(token.start, token.end) !== word) return undefined;
    if (word !== '=') token = tokens.getToken();
  }
  return BodyParser.parseExpressionAt(source, token.end, OPTIONS);
}
