// The table that `vitrine ps` prints.

/** A machine that runs on this host. */
export interface Machine {
  name: string;
  state: string;
  up: string;
  command: string;
}

/** Reads the table: columns begin where their heads do. */
export function parseMachines(output: string): Machine[] {
  const [head, ...rows] = output.split('\n').filter((l) => l.trim() !== '');
  if (head === undefined || !/^NAME\b/.test(head)) {
    return [];
  }
  const columns = [...head.matchAll(/\S+/g)].map((m) => ({ name: m[0], from: m.index }));
  return rows.map((row) => {
    const cell = (name: string) => {
      const i = columns.findIndex((c) => c.name === name);
      return i < 0 ? '' : row.slice(columns[i]!.from, columns[i + 1]?.from).trim();
    };
    return { name: cell('NAME'), state: cell('STATE'), up: cell('UP'), command: cell('COMMAND') };
  });
}
