// The Kernel Log view: dmesg, line by line as it comes. It is read from the machine's RAM: the kernel need not be well for it.
import * as vscode from 'vscode';
import { mostLines } from '../core/logModel';
import type { Lines } from '../protocol';
import type { Sessions } from '../sessions';
import type { ToLog } from '../webview/messages';
import { Follower } from './follower';
import { page, webviewOptions } from './html';

export class LogView implements vscode.WebviewViewProvider, vscode.Disposable {
  private view: vscode.WebviewView | undefined;
  private lines: string[] = [];
  private readonly follower: Follower<Lines, Lines>;
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly extension: vscode.Uri, sessions: Sessions) {
    this.follower = new Follower<Lines, Lines>(sessions, 'vitrine/dmesg', {
      begin: () => {
        this.lines = [];
        this.post({ type: 'clear' });
      },
      answer: ({ lines }) => this.add(lines),
      event: ({ lines }) => this.add(lines),
    }, false);
    this.disposables = [this.follower, vscode.window.registerWebviewViewProvider('vitrine.log', this)];
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    view.webview.options = webviewOptions(this.extension);
    view.webview.html = page(view.webview, this.extension, 'log', `<input id="filter" type="search" placeholder="Filter" aria-label="Filter"><pre id="lines"></pre>`);
    view.webview.onDidReceiveMessage(() => { // it is ready
      this.post({ type: 'clear' });
      this.post({ type: 'lines', lines: this.lines });
    });
    view.onDidDispose(() => {
      this.view = undefined;
    });
    // From now on: the log is cheap, and who opens it later wants what has been.
    this.follower.setVisible(true);
  }

  private add(lines: string[]): void {
    this.lines.push(...lines);
    if (this.lines.length > mostLines) {
      this.lines.splice(0, this.lines.length - mostLines);
    }
    this.post({ type: 'lines', lines });
  }

  private post(message: ToLog): void {
    void this.view?.webview.postMessage(message);
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}
