// The extension's own output channel: what it starts and what goes wrong.
import * as vscode from 'vscode';

export const output = vscode.window.createOutputChannel('Vitrine', { log: true });

/** The text of whatever was thrown. */
export function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
