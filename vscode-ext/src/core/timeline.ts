// The timeline of system calls: which calls are kept, which are shown, and where on the screen each is. It draws nothing.
import type { Syscall } from '../protocol';

/** A task's row. */
export interface Lane {
  tid: number;
  pid: number;
  comm: string;
}

/** A stretch of the machine's time, in nanoseconds. */
export interface Span {
  from: number;
  to: number;
}

/** How many calls are kept; the oldest go first. */
export const mostCalls = 20_000;

/** A filter's words must all be in a call: its name, its program, its error, its arguments. `!` in front forbids a word. */
export function compileFilter(text: string): (c: Syscall) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter((w) => w !== '' && w !== '!');
  const wanted = words.filter((w) => !w.startsWith('!'));
  const forbidden = words.filter((w) => w.startsWith('!')).map((w) => w.slice(1));
  return (c) => {
    const names = [c.name, c.comm, c.errno ?? '', `${c.pid}`, `${c.tid}`].map((s) => s.toLowerCase());
    const args = c.args.join(' ').toLowerCase();
    const has = (w: string) => names.some((n) => n === w || n.startsWith(w)) || args.includes(w);
    return wanted.every(has) && !forbidden.some(has);
  };
}

export class Timeline {
  calls: Syscall[] = []; // by the time of their end
  dropped = 0;
  span: Span = { from: 0, to: 1e9 };
  following = true; // the newest call stays in sight

  private filter: (c: Syscall) => boolean = () => true;
  private shownCalls: Syscall[] = [];

  /** Takes new calls. */
  add(calls: readonly Syscall[], dropped = 0): void {
    this.dropped += dropped;
    for (const c of calls) {
      this.calls.push(c);
    }
    if (this.calls.length > mostCalls) {
      this.calls.splice(0, this.calls.length - mostCalls);
    }
    this.select();
    if (this.following) {
      this.showEnd();
    }
  }

  clear(): void {
    this.calls = [];
    this.dropped = 0;
    this.select();
  }

  setFilter(text: string): void {
    this.filter = compileFilter(text);
    this.select();
  }

  /** The calls that the filter lets through. */
  get shown(): readonly Syscall[] {
    return this.shownCalls;
  }

  /** A lane for each task that has one of them in the span, by process and number: who has ended long ago takes no room. */
  get lanes(): readonly Lane[] {
    const byTask = new Map<number, Lane>();
    for (const c of this.shownCalls) {
      if (c.end_ns >= this.span.from && c.start_ns <= this.span.to) {
        byTask.set(c.tid, { tid: c.tid, pid: c.pid, comm: c.comm }); // the last name counts: exec changes it
      }
    }
    return [...byTask.values()].sort((a, b) => a.pid - b.pid || a.tid - b.tid);
  }

  private select(): void {
    this.shownCalls = this.calls.filter(this.filter);
  }

  private showEnd(): void {
    const last = this.calls.at(-1);
    if (last) {
      const width = this.span.to - this.span.from;
      this.span = { from: last.end_ns - width, to: last.end_ns };
    }
  }

  /** Follows again. */
  follow(): void {
    this.following = true;
    this.showEnd();
  }

  /** Moves the span by a part of its width. Who looks back does not want to be carried forward. */
  pan(part: number): void {
    const d = (this.span.to - this.span.from) * part;
    this.span = { from: this.span.from + d, to: this.span.to + d };
    this.following = false;
  }

  /** Shows more (factor > 1) or less of the time around a point, at = 0 at the left edge, 1 at the right. */
  zoom(factor: number, at: number): void {
    const width = this.span.to - this.span.from;
    const wide = Math.min(Math.max(width * factor, shortest), longest);
    const point = this.following ? this.span.to : this.span.from + width * at;
    const left = this.following ? 1 : at;
    this.span = { from: point - wide * left, to: point + wide * (1 - left) };
  }

  /** Shows all there is. */
  fit(): void {
    const first = this.shownCalls[0];
    if (!first) {
      return;
    }
    const from = this.shownCalls.reduce((least, c) => Math.min(least, c.start_ns), first.start_ns);
    const to = this.shownCalls.reduce((most, c) => Math.max(most, c.end_ns), first.end_ns);
    const margin = Math.max((to - from) * 0.02, shortest);
    this.span = { from: from - margin, to: to + margin };
    this.following = false;
  }

  /** Where a call is: left edge and width in pixels. It is wide enough to be seen. */
  place(c: Syscall, width: number): { x: number; w: number } {
    const scale = width / (this.span.to - this.span.from);
    const x = (c.start_ns - this.span.from) * scale;
    return { x, w: Math.max((c.end_ns - c.start_ns) * scale, narrowest) };
  }

  /** The calls of the span, each with its place. */
  *visible(width: number): Generator<{ call: Syscall; lane: number; x: number; w: number }> {
    const laneOf = new Map(this.lanes.map((l, i) => [l.tid, i]));
    for (const call of this.shownCalls) {
      const lane = laneOf.get(call.tid);
      const { x, w } = this.place(call, width);
      if (lane !== undefined && x + w >= 0 && x <= width) {
        yield { call, lane, x, w };
      }
    }
  }

  /** The call at a place of a lane; of several the last that was drawn, within reach of a finger. */
  at(lane: number, x: number, width: number): Syscall | undefined {
    let found: Syscall | undefined;
    let nearest = reach;
    for (const v of this.visible(width)) {
      const distance = v.lane !== lane ? Infinity : Math.max(v.x - x, x - (v.x + v.w), 0);
      if (distance <= nearest) {
        nearest = distance;
        found = v.call;
      }
    }
    return found;
  }
}

const shortest = 1_000; // ns, the least that is shown
const longest = 600e9;
const narrowest = 2; // px
const reach = 4; // px

/** Marks of a time axis: about so many, at round numbers. */
export function ticks(span: Span, count: number): { at: number; label: string }[] {
  const raw = (span.to - span.from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw) ?? raw;
  const marks: { at: number; label: string }[] = [];
  for (let t = Math.ceil(span.from / step) * step; t <= span.to; t += step) {
    marks.push({ at: t, label: time(t, step) });
  }
  return marks;
}

/** A point in the machine's time in seconds, with the digits that a step needs. */
export function time(ns: number, step = 1e3): string {
  const digits = Math.min(9, Math.max(0, Math.ceil(9 - Math.log10(step) - 1e-9)));
  return `${(ns / 1e9).toFixed(digits)} s`;
}

/** A length of time. */
export function duration(ns: number): string {
  if (ns < 1e3) {
    return `${ns} ns`;
  }
  const [n, unit] = ns < 1e6 ? [ns / 1e3, 'µs'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];
  return `${n < 10 ? n.toFixed(2) : n < 100 ? n.toFixed(1) : n.toFixed(0)} ${unit}`;
}

/** A call as strace(1) shows it, with how long it took. */
export function describeCall(c: Syscall): string {
  const result = c.errno ? `-1 ${c.errno}` : `${c.ret}`;
  return `${c.name}(${c.args.join(', ')}) = ${result}  ${duration(c.end_ns - c.start_ns)}`;
}

export type Family = 'file' | 'memory' | 'process' | 'signal' | 'socket' | 'time' | 'other';

const families: [Family, RegExp][] = [
  ['socket', /^(socket|accept|bind|connect|listen|send|recv|shutdown|getsock|getpeer|setsock)/],
  ['signal', /sig|^(kill|tkill|tgkill|pause)$/],
  ['memory', /^(m(map|unmap|protect|remap|advise|sync|lock|unlock|incore)|brk|shm|membarrier|memfd)/],
  ['process', /^(clone|fork|vfork|exec|exit|wait|get(p|t|u|g|eu|eg|res)|set(p|u|g|s|re|fs)|prctl|arch_prctl|futex|sched|set_|get_robust|rseq|uname|prlimit|getrlimit|getrusage|times)/],
  ['time', /time|nanosleep|alarm|clock|gettimeofday/],
  ['file', /^(open|close|read|write|pread|pwrite|readv|writev|l?seek|f?stat|newfstat|lstat|statx|access|faccess|getdents|getcwd|ch|f?ch|mk|rm|link|sym|unlink|rename|ioctl|fcntl|dup|pipe|poll|ppoll|select|pselect|epoll|eventfd|f?sync|f?truncate|fallocate|umask|mount|umount|sendfile|splice|tee|copy_file|flock|inotify|fadvise|utime)/],
];

/** What a call is about, for its colour. */
export function familyOf(name: string): Family {
  return families.find(([, re]) => re.test(name))?.[0] ?? 'other';
}
