// A task's stack: the kernel's frames, the boundary, the program's frames.
import type { DebugProtocol } from '@vscode/debugprotocol';

type Frame = Pick<DebugProtocol.StackFrame, 'name' | 'moduleId' | 'presentationHint' | 'instructionPointerReference'>;

/** Where a frame belongs. Modules of programs are texts, "PID PATH"; the kernel is a number. */
export function sideOf(frame: Frame): 'kernel' | 'boundary' | 'program' {
  if (frame.presentationHint === 'label') {
    return 'boundary';
  }
  // A program's addresses name their process: 0x401000@12.
  return typeof frame.moduleId === 'string' || /@\d+$/.test(frame.instructionPointerReference ?? '') ? 'program' : 'kernel';
}

/** Where the program goes on behind the system call that has led here; undefined if no program has called, or it is not in the kernel. */
export function returnAddress(frames: readonly Frame[]): string | undefined {
  const boundary = frames.findIndex((f) => sideOf(f) === 'boundary');
  const frame = boundary < 0 ? undefined : frames.slice(boundary).find((f) => sideOf(f) === 'program');
  return frame?.instructionPointerReference?.replace(/@\d+$/, '');
}
