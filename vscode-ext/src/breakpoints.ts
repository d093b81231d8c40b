// Breakpoints on system calls. The editor knows them as function breakpoints, so they stand in its list, with conditions.
import * as vscode from 'vscode';
import { openTree } from './configurations';
import { onlyProgram, readSystemCalls, syscallBreakpoint, type When } from './core/syscalls';
import type { Sessions } from './sessions';

export function registerBreakpoints(sessions: Sessions): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.commands.registerCommand('vitrine.addSyscallBreakpoint', () => pickSyscalls(sessions)),
    // A process's number means nothing to the next machine.
    sessions.onDidChange((m) => {
      if (m.state === 'ended' && sessions.list().length === 0) {
        vscode.debug.removeBreakpoints(vscode.debug.breakpoints.filter(isOfProcess));
      }
    }),
  );
}

/** Stops at a system call from now on, of every program or of those that the condition lets through. */
export function addSyscallBreakpoint(name: string, when: When = 'entry', condition?: string): void {
  const functionName = syscallBreakpoint(name, when);
  const known = vscode.debug.breakpoints.some(
    (b) => b instanceof vscode.FunctionBreakpoint && b.functionName === functionName && b.condition === condition,
  );
  if (!known) {
    vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(functionName, true, condition)]);
  }
}

/** Stops at every system call of one task or process of the machine that runs. */
export function addProcessBreakpoint(pid: number): void {
  addSyscallBreakpoint('*', 'entry', `pid == ${pid}`);
}

function isOfProcess(b: vscode.Breakpoint): boolean {
  return b instanceof vscode.FunctionBreakpoint && b.functionName.startsWith('syscall:') && /^pid == \d+$/.test(b.condition ?? '');
}

interface CallItem extends vscode.QuickPickItem {
  name: string;
}

async function pickSyscalls(sessions: Sessions): Promise<void> {
  const calls = await listCalls(sessions);
  const every: CallItem = { name: '*', label: '*', description: 'every system call' };
  const picked = await vscode.window.showQuickPick([every, ...calls], {
    title: 'Break on which system calls?', canPickMany: true, matchOnDescription: true, placeHolder: 'openat, write, …',
  });
  if (!picked || picked.length === 0) {
    return;
  }
  const when = await vscode.window.showQuickPick(
    [
      { label: 'When it is called', when: 'entry' as const },
      { label: 'When it returns', when: 'return' as const, description: 'conditions know ret and errno' },
      { label: 'Both', when: 'both' as const },
    ],
    { title: 'When?' },
  );
  if (!when) {
    return;
  }
  const condition = await vscode.window.showInputBox({
    title: 'Only if (empty: always)',
    placeHolder: 'comm == "cat" && errno == 2',
    prompt: 'Arguments by their names, comm, pid; ret and errno when it returns. A single word is a program\'s name.',
  });
  if (condition === undefined) {
    return;
  }
  const text = condition.trim();
  const full = /^[\w.-]+$/.test(text) ? onlyProgram(text) : text;
  for (const p of picked) {
    addSyscallBreakpoint(p.name, when.when, full === '' ? undefined : full);
  }
}

/** Lists system calls: of the tree that is open, else of the machine. */
async function listCalls(sessions: Sessions): Promise<CallItem[]> {
  const tree = openTree();
  const calls = tree ? readSystemCalls(tree) : [];
  if (calls.length > 0) {
    return calls.map((c) => ({ name: c.name, label: c.name, description: `(${c.args.join(', ')})  ${c.file}` }));
  }
  const table = await sessions.active?.request<{ head: string[]; rows: string[][] }>('vitrine/view', { name: 'syscalls' });
  const column = table?.head.indexOf('NAME') ?? -1;
  return column < 0 ? [] : table!.rows.map((r) => ({ name: r[column] ?? '', label: r[column] ?? '' })).filter((c) => c.name !== '');
}
