// What makes a tree live: it asks while it is seen and the machine runs, once at each stop, and never otherwise.
import * as vscode from 'vscode';
import { Poller } from '../core/poller';
import { messageOf, output } from '../output';
import type { MachineSession, Sessions } from '../sessions';

/** A tree of a machine's structures that is filled by asking. */
export abstract class LiveTree<Node> implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;

  protected readonly view: vscode.TreeView<Node>;
  private readonly poller: Poller;
  private readonly disposables: vscode.Disposable[];
  private shown = ''; // what the tree was made of, to leave it alone when nothing has changed
  private of: MachineSession | undefined; // whose it is

  constructor(id: string, protected readonly sessions: Sessions) {
    this.poller = new Poller(() => this.load(), refreshInterval);
    this.view = vscode.window.createTreeView(id, { treeDataProvider: this, showCollapseAll: true });
    this.disposables = [
      this.changed,
      this.view,
      this.poller,
      this.view.onDidChangeVisibility(() => this.follow(true)),
      sessions.onDidActivate(() => this.follow(true)),
      sessions.onDidChange((m) => {
        if (m === sessions.active) {
          this.follow(true);
        }
      }),
    ];
  }

  abstract getTreeItem(node: Node): vscode.TreeItem;
  abstract getChildren(node?: Node): vscode.ProviderResult<Node[]>;

  /** Asks the machine for what the tree shows, keeps it, and returns what tells whether it has changed. */
  protected abstract ask(m: MachineSession): Promise<unknown>;
  /** Forgets what it has: the machine has gone. */
  protected abstract clear(): void;

  /** Asks now, whatever the machine does. */
  refresh(): void {
    this.shown = '';
    this.poller.kick();
  }

  /** The machine that is shown, if it can be asked. */
  protected get machine(): MachineSession | undefined {
    const m = this.sessions.active;
    return m && (m.state === 'running' || m.state === 'stopped') ? m : undefined;
  }

  private follow(fresh: boolean): void {
    const m = this.machine;
    this.poller.setLive(this.view.visible && m?.state === 'running');
    if (m === undefined || m !== this.of) {
      this.of = m;
      this.shown = '';
      this.clear();
      this.changed.fire();
    }
    if (fresh && this.view.visible && m?.state === 'stopped') {
      this.poller.kick();
    }
  }

  private async load(): Promise<void> {
    const m = this.machine;
    if (!m || !this.view.visible) {
      return;
    }
    let now: string;
    let problem = '';
    try {
      now = JSON.stringify(await this.ask(m));
    } catch (err) {
      now = problem = messageOf(err);
      output.debug(`${this.view.title ?? 'view'}: ${problem}`);
    }
    if (m !== this.machine) {
      return; // another one is shown by now
    }
    this.view.message = problem === '' || m.state === 'running' ? '' : problem;
    // A stop gives values another meaning: they can be opened then.
    const shown = `${m.session.id} ${m.state} ${now}`;
    if (shown !== this.shown) {
      this.shown = shown;
      this.changed.fire();
    }
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}

/** The pause between two questions of a view, in milliseconds. */
export function refreshInterval(): number {
  const ms = vscode.workspace.getConfiguration('vitrine').get('refreshInterval', 1000);
  return Math.max(500, ms);
}
