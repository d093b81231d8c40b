// The Problems pane: what the compiler said of the last build, until the next good one.
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { parseCompiler } from './core/compiler';

export class Problems {
  private readonly collection = vscode.languages.createDiagnosticCollection('vitrine');

  /** Shows what a failed build printed. Returns how many messages have a place. */
  publish(tree: string, output: string): number {
    const byFile = new Map<string, vscode.Diagnostic[]>();
    const messages = parseCompiler(output);
    for (const m of messages) {
      const file = resolveFile(tree, m.file);
      const at = new vscode.Position(m.line - 1, Math.max(0, m.column - 1));
      const d = new vscode.Diagnostic(new vscode.Range(at, at.translate(0, m.column > 0 ? 1 : 999)), m.text, vscode.DiagnosticSeverity.Error);
      d.source = 'vitrine build';
      byFile.set(file, [...(byFile.get(file) ?? []), d]);
    }
    this.collection.clear();
    this.collection.set([...byFile].map(([file, list]) => [vscode.Uri.file(file), list]));
    return messages.length;
  }

  clear(): void {
    this.collection.clear();
  }

  /** Opens the pane. */
  async show(): Promise<void> {
    await vscode.commands.executeCommand('workbench.panel.markers.view.focus');
  }

  dispose(): void {
    this.collection.dispose();
  }
}

/** The userland is a module of its own, built in its own directory. */
function resolveFile(tree: string, file: string): string {
  const candidates = path.isAbsolute(file) ? [file] : [path.join(tree, file), path.join(tree, 'userland', file)];
  return candidates.find((f) => fs.existsSync(f)) ?? candidates[0]!;
}
