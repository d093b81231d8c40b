// The kernel's log as lines: time, text, how serious.

export interface LogLine {
  time: string; // "[    0.012345]"
  text: string;
  level: 'error' | 'warning' | 'normal';
}

/** How many lines a view keeps. */
export const mostLines = 5000;

const stamp = /^(\[ *\d+\.\d+\]) ?(.*)$/;

/** Reads a line of vitrine/dmesg. */
export function parseLogLine(line: string): LogLine {
  const m = stamp.exec(line);
  const text = m ? m[2]! : line;
  return { time: m ? m[1]! : '', text, level: levelOf(text) };
}

function levelOf(text: string): LogLine['level'] {
  if (/\b(oops|panic|BUG|fatal|lockup|deadlock)\b/i.test(text)) {
    return 'error';
  }
  return /\b(warn(ing)?|fail(ed|s)?|error|hung|killed|can't|cannot)\b/i.test(text) ? 'warning' : 'normal';
}
