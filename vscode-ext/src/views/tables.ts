// A view as a document: a table with aligned columns that is made anew at each stop, and once in a while as the machine runs.
import * as vscode from 'vscode';
import { Poller } from '../core/poller';
import { alignTable } from '../core/table';
import { messageOf } from '../output';
import type { Table } from '../protocol';
import type { Sessions } from '../sessions';
import { refreshInterval } from './feed';

const scheme = 'vitrine-view';

export class TableDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;

  private readonly poller = new Poller(() => this.refresh(), refreshInterval);
  private readonly texts = new Map<string, string>(); // by view
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly sessions: Sessions) {
    this.disposables = [
      this.changed,
      this.poller,
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      vscode.window.onDidChangeVisibleTextEditors(() => this.follow()),
      sessions.onDidActivate(() => this.follow()),
      sessions.onDidChange((m) => m === sessions.active && this.follow()),
    ];
  }

  async open(view: string): Promise<void> {
    this.texts.set(view, await this.text(view));
    const doc = await vscode.workspace.openTextDocument(uriOf(view));
    await vscode.window.showTextDocument(doc, { preview: true });
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(viewOf(uri)) ?? '';
  }

  private visible(): string[] {
    const docs = vscode.window.visibleTextEditors.map((e) => e.document.uri).filter((uri) => uri.scheme === scheme);
    return [...new Set(docs.map(viewOf))];
  }

  private follow(): void {
    const some = this.visible().length > 0;
    const state = this.sessions.active?.state;
    this.poller.setLive(some && state === 'running');
    if (some && state === 'stopped') {
      this.poller.kick();
    }
  }

  private async refresh(): Promise<void> {
    for (const view of this.visible()) {
      const text = await this.text(view);
      if (text !== this.texts.get(view)) {
        this.texts.set(view, text);
        this.changed.fire(uriOf(view));
      }
    }
  }

  private async text(view: string): Promise<string> {
    const m = this.sessions.active;
    if (!m || m.state === 'starting') {
      return this.texts.get(view) ?? 'no machine runs\n'; // of one that has ended the last table stays
    }
    try {
      return alignTable(await m.request<Table>('vitrine/view', { name: view }));
    } catch (err) {
      return `${messageOf(err)}\n`;
    }
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}

function uriOf(view: string): vscode.Uri {
  return vscode.Uri.from({ scheme, path: `/${view}.txt` });
}

function viewOf(uri: vscode.Uri): string {
  return uri.path.replace(/^\//, '').replace(/\.txt$/, '');
}
