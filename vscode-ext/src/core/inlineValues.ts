// Which variables get a value at the end of a line, and what of it fits there.
import { functionStart, variablesIn } from './expressions';

export interface InlineVariable {
  line: number;
  from: number; // the column behind which it stands
  name: string;
}

/** How many lines above the one where it stopped are looked at. */
const linesAbove = 60;

/** Returns the variables of the function up to the line where it stopped: each once, on the last line that has it. */
export function inlineVariables(lines: readonly string[], stopped: number): InlineVariable[] {
  const from = Math.max(functionStart(lines, stopped), stopped - linesAbove);
  const found = new Map<string, InlineVariable>();
  for (let line = stopped; line >= from; line--) {
    for (const v of variablesIn(lines[line] ?? '')) {
      if (!found.has(v.text)) {
        found.set(v.text, { line, from: v.to, name: v.text });
      }
    }
  }
  return [...found.values()].sort((a, b) => a.line - b.line || a.from - b.from);
}

/** The most that is shown of a value. */
const mostText = 48;

/** A value in short: what is inside a struct or a list is for the Variables pane. */
export function shortValue(value: string): string {
  const line = value.split('\n', 1)[0]!;
  const open = line.search(/\{|\[(?!\])/);
  const head = open >= 0 && line.length > mostText ? `${line.slice(0, open).replace(/[\s,]+$/, '')}${line[open] === '{' ? '{…}' : '[…]'}` : line;
  return head.length > mostText ? `${head.slice(0, mostText - 1)}…` : head;
}
