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

/**
 * The index of the kernel's outermost function on behalf of a program, from which a step out leads back to it: the one that
 * the trap has called. undefined if no program is below, or the task is not in the kernel.
 */
export function entryFrame(frames: readonly Frame[]): number | undefined {
  const trap = frames.findIndex((f) => /\btrap\.handle$/.test(f.name));
  const boundary = frames.findIndex((f) => sideOf(f) === 'boundary');
  return trap > 0 && boundary > trap ? trap - 1 : undefined;
}
