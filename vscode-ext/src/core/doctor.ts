// What `vitrine doctor` says.

export type Severity = 'ok' | 'slow' | 'LACK' | 'note';

/** One line of the doctor's report with its advice. */
export interface Finding {
  severity: Severity;
  name: string;
  found: string;
  advice: string[];
}

const line = /^(ok {2}|slow|LACK|note) {2}(.{16}) (.*)$/;
const advice = /^ {6}\s*→ (.*)$/;

/** Reads the doctor's report. */
export function parseDoctor(output: string): Finding[] {
  const findings: Finding[] = [];
  for (const text of output.split('\n')) {
    const m = line.exec(text);
    if (m) {
      findings.push({ severity: m[1]!.trim() as Severity, name: m[2]!.trim(), found: m[3]!, advice: [] });
      continue;
    }
    const a = advice.exec(text);
    if (a) {
      findings.at(-1)?.advice.push(a[1]!);
    }
  }
  return findings;
}

/**
 * Returns what stands in the way of debugging a kernel here. What the doctor calls a note may do so, too: `run` needs
 * neither a debugger nor, with a kernel that is built, a compiler.
 */
export function obstacles(findings: readonly Finding[], builds: boolean): Finding[] {
  return findings.filter(
    (f) => f.severity === 'LACK' || (f.severity === 'note' && (f.name === 'debugging' || (builds && f.name === 'go'))),
  );
}

/** Says them in the doctor's words. */
export function describeObstacles(list: readonly Finding[]): string {
  return list.map((f) => `${f.name}: ${f.found}${f.advice.length > 0 ? ` → ${f.advice.join(' ')}` : ''}`).join(' · ');
}
