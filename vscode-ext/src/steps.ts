// Steps across the boundary between a program and the kernel.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { returnAddress } from './core/stack';
import { messageOf } from './output';
import type { MachineSession, Sessions } from './sessions';

export function registerSteps(sessions: Sessions): vscode.Disposable {
  const command = (id: string, step: (m: MachineSession, thread: number, sessions: Sessions) => Promise<void>) =>
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
  return vscode.Disposable.from(command('vitrine.stepIntoKernel', intoKernel), command('vitrine.stepOutToProgram', outToProgram));
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
    await m.request('continue', { threadId: thread });
    await stopped;
  } finally {
    if (m.state !== 'ended') {
      await set([]);
    }
  }
}

/** Runs until the task is back in its program, behind the call. A breakpoint that is hit on the way ends it, too. */
async function outToProgram(m: MachineSession, thread: number, sessions: Sessions): Promise<void> {
  const { stackFrames } = await m.request<DebugProtocol.StackTraceResponse['body']>('stackTrace', { threadId: thread, startFrame: 0, levels: 200 });
  const address = returnAddress(stackFrames);
  if (address === undefined) {
    throw new Error('no program has called the kernel here: this is one of its own threads, or the program itself');
  }
  const command = (expression: string) => m.request<DebugProtocol.EvaluateResponse['body']>('evaluate', { expression: `-exec ${expression}`, context: 'repl' });
  const { result } = await command(`tbreak program *${address} task ${thread}`);
  const id = /breakpoint (\d+):/.exec(result)?.[1];
  const stopped = nextStop(m, sessions);
  await m.request('continue', { threadId: thread });
  await stopped;
  if (id !== undefined && m.state === 'stopped') {
    await command(`delete ${id}`).catch(() => undefined); // it has gone by itself if it was hit
  }
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
