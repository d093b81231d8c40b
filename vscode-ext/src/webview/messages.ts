// What the extension and its webviews tell each other.
import type { SoundSamples, SoundStream, Syscall } from '../protocol';

export type ToLog = { type: 'clear' } | { type: 'lines'; lines: string[] };

export type ToSyscalls =
  | { type: 'begin'; machine: string }
  | { type: 'calls'; calls: Syscall[]; dropped: number }
  | { type: 'state'; text: string };
export type FromSyscalls = { type: 'ready' } | { type: 'stopAt'; name: string; comm: string } | { type: 'breakOn'; pid: number };

export type ToSound =
  | { type: 'begin'; machine: string }
  | { type: 'streams'; streams: SoundStream[] }
  | { type: 'samples'; device: string; direction: string; samples: SoundSamples }
  | { type: 'problem'; text: string };
export type FromSound = { type: 'ready' } | { type: 'want'; device: string; direction: string; seconds: number };
