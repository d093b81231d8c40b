// Expressions in source text: what is under the pointer, and which variables of a function are worth a value at the line's end.

/** A stretch of a line: [from, to) in UTF-16 units. */
export interface Stretch {
  from: number;
  to: number;
  text: string;
}

const keywords = new Set(
  ('break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var '
    + 'nil true false iota auto char double enum extern float inline int long register short signed sizeof static typedef union unsigned void volatile while do NULL '
    + 'class public private protected virtual template typename namespace using new delete this nullptr bool string byte rune error any uint8 uint16 uint32 uint64 '
    + 'int8 int16 int32 int64 uint uintptr float32 float64 len cap append make copy panic recover min max clear').split(' '),
);

const identifier = /[\p{L}_$][\p{L}\p{N}_$]*/uy;

/**
 * Returns the expression that ends with the identifier at a column: the chain of fields, arrows and indices in front of it
 * comes along, what is behind does not. So in `t.FDs.files[i].File` the pointer on FDs means `t.FDs`.
 */
export function expressionAt(line: string, column: number): Stretch | undefined {
  const code = blank(line);
  const word = wordAt(code, column);
  if (!word || keywords.has(word.text) || /^\s*\(/.test(code.slice(word.to)) && !chained(code, word.from)) {
    return undefined;
  }
  const from = chainStart(code, word.from);
  return { from, to: word.to, text: line.slice(from, word.to) };
}

/** Returns the variables that a line uses, each once, in their order. A field's or a function's name is none. */
export function variablesIn(line: string): Stretch[] {
  const code = blank(line);
  const found: Stretch[] = [];
  for (let i = 0; i < code.length; ) {
    identifier.lastIndex = i;
    const m = identifier.exec(code);
    if (!m) {
      i++;
      continue;
    }
    const to = i + m[0].length;
    const before = code[i - 1];
    const part = before !== undefined && /[\p{L}\p{N}_$.]/u.test(before) || code.slice(0, i).endsWith('->');
    const call = /^\s*\(/.test(code.slice(to));
    const key = /^\s*:(?!=)/.test(code.slice(to)) && !/\?/.test(code.slice(0, i)); // a literal's field, a label
    if (!part && !call && !key && !keywords.has(m[0]) && m[0] !== '_' && !found.some((f) => f.text === m[0])) {
      found.push({ from: i, to, text: m[0] });
    }
    i = to;
  }
  return found;
}

/**
 * Returns the line at which the function begins that a line lies in: the last one above that is not indented and opens a
 * body. Both Go and C are written so. 0 if there is none.
 */
export function functionStart(lines: readonly string[], at: number): number {
  for (let i = Math.min(at, lines.length - 1); i >= 0; i--) {
    const line = lines[i]!;
    if (/^func\b/.test(line) || /^[A-Za-z_].*\)\s*\{?\s*$/.test(line)) {
      return i;
    }
  }
  return 0;
}

/** Replaces strings and comments with blanks, so that columns stay. */
function blank(line: string): string {
  return line.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\/\/.*$|\/\*.*?\*\//g, (s) => ' '.repeat(s.length));
}

function wordAt(code: string, column: number): Stretch | undefined {
  for (const m of code.matchAll(/[\p{L}_$][\p{L}\p{N}_$]*/gu)) {
    if (m.index <= column && column < m.index + m[0].length) {
      return { from: m.index, to: m.index + m[0].length, text: m[0] };
    }
  }
  return undefined;
}

function chained(code: string, from: number): boolean {
  return chainStart(code, from) < from;
}

/** Goes back over `a.b`, `a->b`, `a[i].b`, `(*a).b`: to where the chain begins. */
function chainStart(code: string, from: number): number {
  for (;;) {
    const head = code.slice(0, from);
    const link = /(?:\.|->)$/.exec(head);
    if (!link) {
      return from;
    }
    const operand = operandStart(head.slice(0, head.length - link[0].length));
    if (operand === undefined) {
      return from;
    }
    from = operand;
  }
}

/** Returns where the operand begins with which a text ends: a name, or what stands in brackets with what is in front. */
function operandStart(head: string): number | undefined {
  let end = head.length;
  while (head[end - 1] === ']' || head[end - 1] === ')') {
    const open = matching(head, end - 1);
    if (open === undefined) {
      return undefined;
    }
    const round = head[end - 1] === ')';
    end = open;
    if (round) { // a call's result can't be looked at; a conversion or (*p) can
      return /[\p{L}\p{N}_$\])]$/u.test(head.slice(0, end)) ? undefined : end;
    }
  }
  const name = /[\p{L}_$][\p{L}\p{N}_$]*$/u.exec(head.slice(0, end));
  return name?.index;
}

function matching(text: string, close: number): number | undefined {
  const pair = text[close] === ']' ? '[' : '(';
  for (let i = close, depth = 0; i >= 0; i--) {
    if (text[i] === text[close]) {
      depth++;
    } else if (text[i] === pair && --depth === 0) {
      return i;
    }
  }
  return undefined;
}
