// Checks values against JSON Schemas, and makes values up for the mock runtime.
import { schemaFault } from '../prelude/schema.js';
import { BadSchema, compile, parseSchema } from './compiler.js';
import { mismatches } from './mismatch.js';
import { synthesize } from './synthesize.js';

// ValidateReply.Verdict.
const VALID = 0;
const INVALID = 1;
const BAD_SCHEMA = 2;
const NOT_JSON = 3;

const reply = (verdict, lines = [], value = '') => ({ verdict, mismatches: lines, value });

function checkValue(validate, text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return reply(NOT_JSON, [`the value is not JSON: ${error.message}`]);
  }
  return validate(value) ? reply(VALID) : reply(INVALID, mismatches(validate.errors));
}

function makeValue(validate, schema) {
  const made = synthesize(schema, validate);
  if (made !== undefined) return reply(VALID, [], JSON.stringify(made.value));
  return reply(INVALID, ['no value could be made up for this schema', ...mismatches(validate.errors)].slice(0, 20));
}

// value: text, or undefined to check the schema alone. The reply's fields are ValidateReply's.
function check(schemaText, value, wantsSynthesis) {
  try {
    const validate = compile(schemaText);
    if (wantsSynthesis) return makeValue(validate, parseSchema(schemaText));
    if (value !== undefined) return checkValue(validate, value);
    const fault = schemaFault(schemaText);
    return fault === undefined ? reply(VALID) : reply(BAD_SCHEMA, [fault]);
  } catch (error) {
    if (error instanceof BadSchema) return reply(BAD_SCHEMA, [error.message]);
    throw error;
  }
}

export default { check };
