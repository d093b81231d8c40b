// The server's requests and events of its own; docs/dap.md describes them.

/** vitrine/processes. Times are nanoseconds; state is a letter as ps(1) has it, wait is empty for one that does not wait. */
export interface Processes {
  processes: Process[];
}
export interface Process {
  pid: number;
  ppid: number;
  comm: string;
  state: string;
  wait: string;
  cpu_ns: number;
  uid: number;
  started_ns: number;
  threads: Thread[];
}
export interface Thread {
  tid: number;
  name: string;
  state: string;
  wait: string;
}

/** vitrine/process. */
export interface ProcessDetails {
  files: { fd: number; path: string; flags: string; pos: number }[];
  maps: { start: string; end: string; prot: string; path: string; offset: string }[];
  signals: { pending: string[]; blocked: string[]; ignored: string[]; caught: string[] };
}

/** vitrine/views, vitrine/view. */
export interface ViewList {
  views: View[];
}
export interface View {
  name: string;
  doc: string;
  columns: string[];
  detail?: string[];
}
export interface Table {
  name: string;
  head: string[];
  rows: string[][];
  exprs: string[]; // exprs[i] evaluates to what row i shows; empty if nothing does
  truncated?: boolean;
}

/** vitrine/dmesg: the answer and the event. */
export interface Lines {
  lines: string[];
}

/** The event vitrine/syscalls. */
export interface SyscallsEvent {
  calls: Syscall[];
  dropped: number;
}
export interface Syscall {
  seq: number;
  pid: number;
  tid: number;
  comm: string;
  nr: number;
  name: string;
  args: string[];
  ret: number;
  errno?: string;
  start_ns: number;
  end_ns: number;
}

/** vitrine/sound: the answer and the event. */
export interface Sound {
  streams: SoundStream[];
}
export interface SoundStream {
  device: string;
  direction: string;
  state: string;
  rate: number; // Hz; 0 before a program has chosen
  channels: number;
  format: string;
  position: number; // frames since the machine was switched on
  xruns: number;
  levels: number[]; // dBFS of each channel
}

/** vitrine/soundSamples: data is base64 of 16 bits, signed, little endian, the channels in turn. */
export interface SoundSamples {
  rate: number;
  channels: number;
  format: 's16';
  position: number; // frames since the machine was switched on, at the end of data
  data: string;
}
