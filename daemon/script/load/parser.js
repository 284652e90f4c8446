// acorn, set up for a workflow script: the body of an async function (SPEC B6), sloppy unless it
// says 'use strict', with export and import parsed so that they can be refused with a clear word.
import { Parser } from 'acorn';

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

// The AST. Throws acorn's SyntaxError, with `loc`.
export function parseBody(source) {
  return BodyParser.parse(source, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowHashBang: true,
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
    allowImportExportEverywhere: true,
    locations: true,
  });
}
