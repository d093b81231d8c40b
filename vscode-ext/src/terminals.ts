// Terminals of a machine beyond the one that the session opens: its console again, and more shells in it.
import * as vscode from 'vscode';
import type { Adapters } from './adapter';
import { openTree } from './configurations';
import { messageOf } from './output';
import type { Sessions } from './sessions';

export function registerTerminals(sessions: Sessions, adapters: Adapters): vscode.Disposable {
  const open = async (title: string, args: (machine: string) => string[]) => {
    const m = sessions.active;
    if (!m) {
      void vscode.window.showInformationMessage('Vitrine: no machine runs in this window.');
      return;
    }
    try {
      const { command, env } = await adapters.find(m.tree ?? openTree());
      vscode.window.createTerminal({ name: `${title} ${m.name}`, shellPath: command, shellArgs: args(m.name), env }).show();
    } catch (err) {
      void vscode.window.showErrorMessage(`Vitrine: ${messageOf(err)}`);
    }
  };
  return vscode.Disposable.from(
    vscode.commands.registerCommand('vitrine.console', () => open('Vitrine', (machine) => ['console', machine])),
    vscode.commands.registerCommand('vitrine.shell', () => open('Shell in', (machine) => ['exec', machine, '--', 'sh'])),
  );
}
