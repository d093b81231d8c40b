// The Processes view: every process with its state and what it waits for; under it its threads, files, maps and signals.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { addProcessBreakpoint } from '../breakpoints';
import {
  byParent, describeProcess, describeThread, type Detail, detailRows, type Group, groups, seconds, stateIcon, stateWord, usualSignals,
} from '../core/processModel';
import { messageOf } from '../output';
import type { Process, ProcessDetails, Processes, Thread } from '../protocol';
import type { MachineSession, Sessions } from '../sessions';
import { LiveTree } from './feed';

type Node =
  | { kind: 'process'; process: Process }
  | { kind: 'group'; process: Process; name: Group }
  | { kind: 'thread'; process: Process; thread: Thread }
  | { kind: 'detail'; process: Process; detail: Detail };

/** How many processes' details are asked for again with each refresh: what is open is as fresh as politeness allows. */
const detailsPerRefresh = 4;

export class ProcessesView extends LiveTree<Node> {
  private children = new Map<number, Process[]>();
  private readonly details = new Map<number, Promise<ProcessDetails>>(); // of those that are open, the oldest first

  constructor(sessions: Sessions) {
    super('vitrine.processes', sessions);
  }

  protected async ask(m: MachineSession): Promise<unknown> {
    const { processes } = await m.request<Processes>('vitrine/processes');
    this.children = byParent(processes);
    const old = m.state === 'stopped' ? [...this.details.keys()] : [...this.details.keys()].slice(0, detailsPerRefresh);
    old.forEach((pid) => this.details.delete(pid));
    this.view.badge = { value: processes.length, tooltip: `${processes.length} processes` };
    return [processes, old.length > 0 ? Date.now() : 0];
  }

  protected clear(): void {
    this.children.clear();
    this.details.clear();
    this.view.badge = undefined;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
    switch (node.kind) {
      case 'process': {
        const p = node.process;
        const parent = this.children.has(p.pid);
        const item = new vscode.TreeItem(`${p.pid} ${p.comm}`, parent ? Expanded : Collapsed);
        item.id = `process ${p.pid}${parent ? ' with children' : ''}`; // the editor opens only what it has not known
        item.description = describeProcess(p);
        item.iconPath = new vscode.ThemeIcon(stateIcon(p.state));
        item.tooltip = `${p.comm}: process ${p.pid} of ${p.ppid}, ${stateWord(p.state)}${p.wait ? ` (${p.wait})` : ''}, user ${p.uid}, ${seconds(p.cpu_ns)} on a CPU`;
        item.contextValue = 'process';
        return item;
      }
      case 'group': {
        const item = new vscode.TreeItem(node.name, Collapsed);
        item.id = `${node.name} ${node.process.pid}`;
        return item;
      }
      case 'thread': {
        const item = new vscode.TreeItem(`${node.thread.tid} ${node.thread.name}`, None);
        item.id = `thread ${node.thread.tid}`;
        item.description = describeThread(node.thread);
        item.iconPath = new vscode.ThemeIcon(stateIcon(node.thread.state));
        item.contextValue = 'thread';
        return item;
      }
      case 'detail': {
        const item = new vscode.TreeItem(node.detail.label, None);
        item.description = node.detail.description;
        item.tooltip = `${node.detail.label} ${node.detail.description}`;
        return item;
      }
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    switch (node?.kind) {
      case undefined:
        return this.childrenOf(0);
      case 'process': {
        const { process } = node;
        return [...this.childrenOf(process.pid), ...groups.map((name): Node => ({ kind: 'group', process, name }))];
      }
      case 'group':
        return this.inGroup(node.process, node.name);
      case 'thread':
      case 'detail':
        return [];
    }
  }

  private childrenOf(pid: number): Node[] {
    return (this.children.get(pid) ?? []).map((process) => ({ kind: 'process', process }));
  }

  private async inGroup(process: Process, name: Group): Promise<Node[]> {
    if (name === 'Threads') {
      return process.threads.map((thread) => ({ kind: 'thread', process, thread }));
    }
    let rows: Detail[];
    try {
      rows = detailRows(await this.detailsOf(process.pid), name);
    } catch (err) { // it has ended, say
      rows = [{ label: messageOf(err), description: '' }];
    }
    return rows.map((detail) => ({ kind: 'detail', process, detail }));
  }

  private detailsOf(pid: number): Promise<ProcessDetails> {
    let d = this.details.get(pid);
    if (!d) {
      const m = this.machine;
      if (!m) {
        return Promise.reject(new Error('the machine is gone'));
      }
      d = m.request<ProcessDetails>('vitrine/process', { pid });
      this.details.set(pid, d);
    }
    return d;
  }

  register(): vscode.Disposable {
    return vscode.Disposable.from(
      vscode.commands.registerCommand('vitrine.processes.breakOnSyscalls', (node?: Node) => {
        if (node) {
          addProcessBreakpoint(node.process.pid);
        }
      }),
      vscode.commands.registerCommand('vitrine.processes.kill', (node?: Node) => node && this.kill(node.process)),
      vscode.commands.registerCommand('vitrine.processes.openStack', (node?: Node) =>
        node && this.openStack(node.kind === 'thread' ? node.thread : { tid: node.process.pid, name: node.process.comm })),
    );
  }

  private async kill(p: Process): Promise<void> {
    const picked = await vscode.window.showQuickPick([...usualSignals], { title: `Which signal for ${p.pid} ${p.comm}?` });
    const m = this.machine;
    if (!picked || !m) {
      return;
    }
    try {
      const { pending } = await m.request<{ pending: boolean }>('vitrine/kill', { pid: p.pid, signal: picked.label });
      if (pending) {
        void vscode.window.setStatusBarMessage(`${p.pid} ${p.comm} gets SIG${picked.label} when the machine runs`, 5000);
      }
      this.refresh();
    } catch (err) {
      void vscode.window.showWarningMessage(`Vitrine: ${messageOf(err)}`);
    }
  }

  /** Shows a task's stack to choose a frame from. The machine is stopped for it: a stack that moves can't be read. */
  private async openStack(thread: { tid: number; name: string }): Promise<void> {
    const m = this.machine;
    if (!m) {
      return;
    }
    try {
      if (m.state !== 'stopped') {
        await this.pause(m, thread.tid);
      }
      const { stackFrames } = await m.request<DebugProtocol.StackTraceResponse['body']>('stackTrace', { threadId: thread.tid, startFrame: 0, levels: 100 });
      await pickFrame(`${thread.tid} ${thread.name}`, stackFrames);
    } catch (err) {
      void vscode.window.showWarningMessage(`Vitrine: ${messageOf(err)}`);
    }
  }

  private async pause(m: MachineSession, threadId: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      const listener = this.sessions.onDidChange((changed) => {
        if (changed === m && m.state !== 'running') {
          listener.dispose();
          resolve();
        }
      });
    });
    await m.request('pause', { threadId });
    await stopped;
  }
}

type FrameItem = vscode.QuickPickItem & { frame: DebugProtocol.StackFrame };

/** Lets the user walk through frames; the editor shows each one's line. */
async function pickFrame(title: string, frames: readonly DebugProtocol.StackFrame[]): Promise<void> {
  const items = frames.map((frame): FrameItem => ({
    frame, label: frame.name, description: frame.source?.name ? `${frame.source.name}:${frame.line}` : '',
  }));
  await vscode.window.showQuickPick(items, {
    title: `Stack of ${title}`, matchOnDescription: true, ignoreFocusOut: true, // the editor takes the focus at a stop
    onDidSelectItem: (item: FrameItem) => void reveal(item.frame, true),
  }).then((picked) => picked && reveal(picked.frame, false));
}

async function reveal(frame: DebugProtocol.StackFrame, preserveFocus: boolean): Promise<void> {
  if (!frame.source?.path) {
    return;
  }
  const line = Math.max(0, frame.line - 1);
  await vscode.window.showTextDocument(uriOfSource(frame.source.path), { preserveFocus, preview: true, selection: new vscode.Range(line, 0, line, 0) });
}

/** With a remote window the editor makes a URI of a source's path before an extension sees it. */
function uriOfSource(path: string): vscode.Uri {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(path) ? vscode.Uri.parse(path) : vscode.Uri.file(path);
}
