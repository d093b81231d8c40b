// A webview in the editor's area that follows the machine while it is seen.
import * as vscode from 'vscode';
import { page, webviewOptions } from './html';

export abstract class Panel<To, From> implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;

  constructor(private readonly extension: vscode.Uri, private readonly name: string, private readonly title: string, private readonly body: string) {}

  protected abstract visible(visible: boolean): void;
  protected abstract received(message: From): void;

  /** Opens it beside the source, or brings it to the front. */
  show(): void {
    if (this.panel) {
      this.panel.reveal(undefined, true);
      return;
    }
    const panel = vscode.window.createWebviewPanel(
      `vitrine.${this.name}`, this.title, { viewColumn: besideSource(), preserveFocus: true },
      { ...webviewOptions(this.extension), retainContextWhenHidden: true },
    );
    this.panel = panel;
    panel.webview.html = page(panel.webview, this.extension, this.name, this.body);
    panel.webview.onDidReceiveMessage((m: From) => this.received(m));
    panel.onDidChangeViewState(() => this.visible(panel.visible));
    panel.onDidDispose(() => {
      this.panel = undefined;
      this.visible(false);
    });
  }

  protected post(message: To): void {
    void this.panel?.webview.postMessage(message);
  }

  dispose(): void {
    this.panel?.dispose();
  }
}

/** The last column if there are several, so that panels share one; else a new one. */
function besideSource(): vscode.ViewColumn {
  const groups = vscode.window.tabGroups.all;
  return groups.length > 1 ? groups.at(-1)!.viewColumn : vscode.ViewColumn.Beside;
}
