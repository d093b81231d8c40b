// Steps across the boundary between a program and the kernel.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { entryFrame } from './core/stack';
import { messageOf } from './output';
import type { MachineSession, Sessions } from './sessions';

export function registerSteps(sessions: Sessions): vscode.Disposable {
  const register = (id: string, step: (m: MachineSession, thread: number, sessions: Sessions) => Promise<void>) =>
    vscode.commands.registerCommand(id, async () => {
      const m = sessions.active;
      if (m?.state !== 'stopped') {
        return;
      }
      try {
        await step(m, selectedThread(m), sessions);
      } catch (err) {
        void vscode.window.showWarningMessage(`Vitrine: ${messageOf(err)}`);
      }
    });
  return vscode.Disposable.from(register('vitrine.stepIntoKernel', intoKernel), register('vitrine.stepOutToProgram', outToProgram));
}

/** The thread that the call stack has selected, else the one that stopped. */
function selectedThread(m: MachineSession): number {
  const item = vscode.debug.activeStackItem;
  return item?.session.id === m.session.id ? item.threadId : m.thread;
}

/** Runs until the task calls the kernel next. A breakpoint that is hit on the way ends it, too. */
async function intoKernel(m: MachineSession, thread: number, sessions: Sessions): Promise<void> {
  const set = (names: string[]) => m.request('vitrine/setSyscallBreakpoints', { breakpoints: names.map((name) => ({ name, when: 'entry', task: String(thread) })) });
  await set(['*']);
  try {
    const stopped = nextStop(m, sessions);
    await command(m, 'continue');
    await stopped;
  } finally {
    if (m.state !== 'ended') {
      await set([]);
    }
  }
}

/**
 * Runs until the task is back in its program, behind the call: to the function that the trap has called, and out of that.
 * A breakpoint that is hit on the way ends it, too.
 */
async function outToProgram(m: MachineSession, thread: number, sessions: Sessions): Promise<void> {
  const { stackFrames } = await m.request<DebugProtocol.StackTraceResponse['body']>('stackTrace', { threadId: thread, startFrame: 0, levels: 200 });
  const entry = entryFrame(stackFrames);
  if (entry === undefined) {
    throw new Error('no program has called the kernel here: this is one of its own threads, or the program itself');
  }
  if (entry > 0) {
    const stopped = nextStop(m, sessions);
    await command(m, `until *${stackFrames[entry]?.instructionPointerReference}`, stackFrames[0]?.id);
    await stopped;
    if (m.state !== 'stopped' || m.thread !== thread || m.reason !== 'goto') {
      return;
    }
  }
  await m.request('stepOut', { threadId: thread });
}

/**
 * Runs one of the debugger's commands, in a frame. `continue` as a command is told to the editor, too; a request for it
 * would be taken for the editor's own.
 */
function command(m: MachineSession, line: string, frameId?: number): Promise<DebugProtocol.EvaluateResponse['body']> {
  return m.request('evaluate', { expression: `-exec ${line}`, context: 'repl', frameId });
}

/** Resolves when the machine has stopped once more, or has ended. */
function nextStop(m: MachineSession, sessions: Sessions): Promise<void> {
  const stops = m.stops;
  return new Promise((resolve) => {
    const listener = sessions.onDidChange((changed) => {
      if (changed === m && (m.stops > stops || m.state === 'ended')) {
        listener.dispose();
        resolve();
      }
    });
  });
}
