// What is wrong with a script, with its place and the line (SPEC B10).

const LINE_SHOWN_MAX = 200;
const PROBLEMS_MAX = 50;

export class Problems {
  #lines;
  list = [];

  constructor(source) {
    this.#lines = source.split(/\r\n|[\n\r\u2028\u2029]/);
  }

  // loc as acorn's: line from 1, column from 0.
  error(loc, message) { this.#add(loc, message, false); }
  warning(loc, message) { this.#add(loc, message, true); }
  line(number) { return this.#lines[number - 1] ?? ''; }
  get failed() { return this.list.some((problem) => !problem.warning); }

  #add({ line, column }, message, warning) {
    if (this.list.length >= PROBLEMS_MAX) return;
    this.list.push({ line, column: column + 1, message, warning, sourceLine: this.excerpt(line, column) });
  }

  excerpt(line, column) {
    const text = this.line(line);
    if (text.length <= LINE_SHOWN_MAX) return text;
    const from = Math.max(0, Math.min(column - LINE_SHOWN_MAX / 2, text.length - LINE_SHOWN_MAX));
    return text.slice(from, from + LINE_SHOWN_MAX);
  }
}
