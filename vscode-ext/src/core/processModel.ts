// What the Processes view says of processes.
import type { Process, ProcessDetails, Thread } from '../protocol';

const states: Record<string, string> = {
  R: 'running', S: 'sleeping', D: 'in an uninterruptible sleep', T: 'stopped by a signal', t: 'stopped by a tracer', Z: 'zombie', X: 'dead', I: 'idle',
};

/** The word for a state's letter. */
export function stateWord(state: string): string {
  return states[state] ?? state;
}

/** `S pipe_read  1.20 s`: state, what it waits for, CPU time. */
export function describeProcess(p: Process): string {
  const parts = [p.wait ? `${p.state} ${p.wait}` : p.state, seconds(p.cpu_ns)];
  if (p.threads.length > 1) {
    parts.push(`${p.threads.length} threads`);
  }
  return parts.join(' · ');
}

export function describeThread(t: Thread): string {
  return t.wait ? `${t.state} ${t.wait}` : t.state;
}

/** CPU time: with as many digits as are worth reading. */
export function seconds(ns: number): string {
  const s = ns / 1e9;
  if (s >= 60) {
    return `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, '0')} min`;
  }
  return s >= 0.1 ? `${s.toFixed(1)} s` : `${(s * 1000).toFixed(s >= 0.001 || s === 0 ? 0 : 2)} ms`;
}

/** The icon of a state: one of the editor's own. */
export function stateIcon(state: string): string {
  switch (state) {
    case 'R':
      return 'play-circle';
    case 'Z':
    case 'X':
      return 'circle-slash';
    case 'T':
    case 't':
      return 'debug-pause';
    default:
      return 'circle-outline';
  }
}

/** A row under a process that has nothing under it. */
export interface Detail {
  label: string;
  description: string;
}

/** The groups of what a process has. */
export const groups = ['Threads', 'Files', 'Maps', 'Signals'] as const;
export type Group = (typeof groups)[number];

/** The rows of a group. Threads have more to them than a row says. */
export function detailRows(d: ProcessDetails, group: Exclude<Group, 'Threads'>): Detail[] {
  switch (group) {
    case 'Files':
      return d.files.map((f) => ({ label: `${f.fd}  ${f.path}`, description: f.pos > 0 ? `${f.flags} at ${f.pos}` : f.flags }));
    case 'Maps':
      return d.maps.map((m) => ({ label: `${m.start}-${m.end} ${m.prot}`, description: m.path }));
    case 'Signals':
      return (['pending', 'blocked', 'ignored', 'caught'] as const).map((k) => ({ label: k, description: d.signals[k].join(' ') || '–' }));
  }
}

/** The children of a process; those of one that is not there are 0's. */
export function byParent(all: readonly Process[]): Map<number, Process[]> {
  const pids = new Set(all.map((p) => p.pid));
  const children = new Map<number, Process[]>();
  for (const p of [...all].sort((a, b) => a.pid - b.pid)) {
    const parent = pids.has(p.ppid) && p.ppid !== p.pid ? p.ppid : 0;
    children.set(parent, [...(children.get(parent) ?? []), p]);
  }
  return children;
}

/** Signals that are worth offering first, and what they do. */
export const usualSignals: readonly Detail[] = [
  { label: 'TERM', description: 'asks it to end' },
  { label: 'KILL', description: 'ends it' },
  { label: 'INT', description: 'as ^C' },
  { label: 'HUP', description: 'its terminal has gone' },
  { label: 'QUIT', description: 'as ^\\' },
  { label: 'STOP', description: 'stops it' },
  { label: 'CONT', description: 'lets it go on' },
  { label: 'USR1', description: '' },
  { label: 'USR2', description: '' },
  { label: 'SEGV', description: 'as a bad access' },
];
