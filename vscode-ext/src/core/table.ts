// Tables of kernel structures, as text and by column.
import type { Table } from '../protocol';

/** Returns a row's cell by its column's head; empty if there is no such column. */
export function cell(table: Pick<Table, 'head'>, row: readonly string[], head: string): string {
  const i = table.head.indexOf(head);
  return i < 0 ? '' : row[i] ?? '';
}

/** Returns the rows in which a column has a value. */
export function rowsWhere(table: Table, head: string, value: string): string[][] {
  return table.rows.filter((row) => cell(table, row, head) === value);
}

/** The first column where that tells rows apart, else the row's number. */
export function rowNames(table: Table): string[] {
  const first = table.rows.map((r) => r[0] ?? '');
  const unique = new Set(first).size === first.length && !first.includes('');
  return first.map((name, i) => (unique ? name : `${i}`));
}

/** All other cells that say something: `HEAD=cell HEAD=cell`. */
export function rowText(table: Table, row: readonly string[], from = 0): string {
  return table.head.map((h, i) => ({ h, c: row[i] ?? '' })).slice(from).filter(({ c }) => c !== '').map(({ h, c }) => `${h}=${c}`).join('  ');
}

/** The table as text, columns aligned. */
export function alignTable(table: Table): string {
  const lines = [table.head, ...table.rows];
  const widths = table.head.map((_, i) => Math.max(...lines.map((l) => width(l[i] ?? ''))));
  const text = lines.map((l) => widths.map((w, i) => pad(l[i] ?? '', w)).join('  ').trimEnd());
  if (table.truncated) {
    text.push('… there is more');
  }
  return `${text.join('\n')}\n`;
}

function width(s: string): number {
  return [...s].length;
}

function pad(s: string, to: number): string {
  return s + ' '.repeat(Math.max(0, to - width(s)));
}
