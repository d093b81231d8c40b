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

/** Returns the innermost frame that is not the boundary; undefined if there is none. */
export function topSide(frames: readonly Frame[]): 'kernel' | 'program' | undefined {
  for (const f of frames) {
    const side = sideOf(f);
    if (side !== 'boundary') {
      return side;
    }
  }
  return undefined;
}

/** Reports whether there is a program under the kernel's frames to step out to. */
export function hasProgram(frames: readonly Frame[]): boolean {
  return frames.some((f) => sideOf(f) === 'program');
}
