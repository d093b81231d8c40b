// `vitrine doctor` in the editor: asked once before the first machine, and when the user wants it.
import * as vscode from 'vscode';
import type { Vitrine } from './adapter';
import { describeObstacles, obstacles, parseDoctor } from './core/doctor';
import { messageOf, output } from './output';
import { run } from './process';

export class Doctor {
  private readonly asked = new Set<string>();

  /** Asks once for each command, and tells the user what stands in the way. It does not keep anybody waiting. */
  checkOnce(vitrine: Vitrine, tree: string | undefined): void {
    if (!this.asked.has(vitrine.command)) {
      this.asked.add(vitrine.command);
      void this.check(vitrine, tree);
    }
  }

  /** Asks. Returns the report if something stands in the way, and shows it. */
  async check(vitrine: Vitrine, tree: string | undefined): Promise<string | undefined> {
    const report = await this.report(vitrine, tree);
    const list = obstacles(parseDoctor(report), tree !== undefined);
    if (list.length === 0) {
      return undefined;
    }
    const text = `Vitrine: this host lacks something. ${describeObstacles(list)}`;
    output.warn(text);
    void vscode.window.showWarningMessage(text, 'Show the Doctor\'s Report').then((pressed) => {
      if (pressed) {
        return this.show(report);
      }
      return undefined;
    });
    return report;
  }

  /** Asks, and shows all that it says. */
  async open(vitrine: Vitrine, tree: string | undefined): Promise<void> {
    await this.show(await this.report(vitrine, tree));
  }

  private async report(vitrine: Vitrine, tree: string | undefined): Promise<string> {
    try {
      const r = await run(vitrine.command, ['doctor'], { cwd: tree, env: vitrine.env });
      return r.stdout + r.stderr;
    } catch (err) {
      return `LACK  ${'vitrine'.padEnd(16)} ${vitrine.command} can't be started: ${messageOf(err)}\n`;
    }
  }

  private async show(report: string): Promise<void> {
    const doc = await vscode.workspace.openTextDocument({ content: report, language: 'plaintext' });
    await vscode.window.showTextDocument(doc, { preview: true });
  }
}
