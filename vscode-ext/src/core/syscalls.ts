// The system calls that the kernel implements, from its sources: each is defined by one line in kernel/syscall.
import * as fs from 'node:fs';
import * as path from 'node:path';

export interface SystemCall {
  nr: number;
  name: string;
  args: string[];
  file: string; // relative to the tree
}

/** Lists the system calls of a source tree by name; none if it has no such folder. */
export function readSystemCalls(tree: string): SystemCall[] {
  const dir = path.join('kernel', 'syscall');
  let names: string[];
  try {
    names = fs.readdirSync(path.join(tree, dir));
  } catch {
    return [];
  }
  const sources = names.filter((n) => n.endsWith('.go') && !n.endsWith('_test.go'));
  const calls = sources.flatMap((n) => parseSystemCalls(fs.readFileSync(path.join(tree, dir, n), 'utf8'), path.join(dir, n)));
  return calls.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Reads the definitions in one file. */
export function parseSystemCalls(source: string, file: string): SystemCall[] {
  const calls: SystemCall[] = [];
  for (const m of source.matchAll(/^\s*Define\((\d+), "(\w+)", \w+(.*)$/gm)) {
    const args = [...m[3]!.matchAll(/\b(?:In|Out|InOut)\("(\w+)"/g)].map((a) => a[1]!);
    calls.push({ nr: Number(m[1]), name: m[2]!, args, file });
  }
  return calls;
}

/** Where a system call is to stop the machine. */
export type When = 'entry' | 'return' | 'both';

/** The name of the function breakpoint that the server takes for one of a system call. */
export function syscallBreakpoint(name: string, when: When = 'entry'): string {
  return when === 'entry' ? `syscall:${name}` : `syscall:${name}:${when}`;
}

/** A condition that only calls of this program fulfil: Go's syntax, as all conditions. */
export function onlyProgram(comm: string): string {
  return `comm == ${JSON.stringify(comm)}`;
}
