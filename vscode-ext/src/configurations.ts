// Debug configurations: what launch.json leaves out, what a kernel tree offers without one, and the machine to attach to.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { type Adapters, NoVitrine, showNoVitrine, type Vitrine } from './adapter';
import { bootConfiguration, checkConfiguration, completeConfiguration, treeConfigurations } from './core/configuration';
import { type Machine, parseMachines } from './core/machines';
import { findTree } from './core/tree';
import type { Doctor } from './doctor';
import { messageOf } from './output';
import type { Problems } from './problems';
import { run } from './process';

/** The source tree of a folder, of the file in the editor, or of any folder that is open. */
export function openTree(folder?: vscode.WorkspaceFolder): string | undefined {
  const file = vscode.window.activeTextEditor?.document.uri;
  const starts = [folder?.uri, file, ...(vscode.workspace.workspaceFolders ?? []).map((f) => f.uri)];
  for (const uri of starts) {
    const tree = uri?.scheme === 'file' ? findTree(uri.fsPath) : undefined;
    if (tree) {
      return tree;
    }
  }
  return undefined;
}

export class Configurations implements vscode.DebugConfigurationProvider {
  constructor(private readonly adapters: Adapters, private readonly doctor: Doctor, private readonly problems: Problems) {}

  provideDebugConfigurations(folder?: vscode.WorkspaceFolder): vscode.DebugConfiguration[] {
    const tree = openTree(folder);
    return tree ? treeConfigurations(tree) : [];
  }

  resolveDebugConfiguration(folder: vscode.WorkspaceFolder | undefined, config: vscode.DebugConfiguration): vscode.DebugConfiguration | undefined {
    const full = completeConfiguration(config, {
      tree: openTree(folder), folder: folder?.uri.fsPath, audio: vscode.workspace.getConfiguration('vitrine').get('audio', 'none'),
    });
    const wrong = checkConfiguration(full);
    if (wrong) {
      void vscode.window.showErrorMessage(`Vitrine: ${wrong}`);
      return undefined;
    }
    return full as vscode.DebugConfiguration;
  }

  /** Builds the adapter before the session begins: what goes wrong then is told better than by a session that fails. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined, config: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const tree = treeOf(config) ?? openTree(folder);
    try {
      const vitrine = await this.adapters.find(tree);
      this.doctor.checkOnce(vitrine, tree);
      if (config.request === 'attach' && !config['machine']) {
        const machine = await this.choose(vitrine);
        return machine === undefined ? undefined : { ...config, machine };
      }
      return config;
    } catch (err) {
      if (!(err instanceof NoVitrine)) {
        throw err;
      }
      void showNoVitrine(err, this.problems);
      return undefined;
    }
  }

  /** Asks which machine; with one there is nothing to ask. It serves ${command:pickMachine}. */
  async pickMachine(): Promise<string | undefined> {
    return this.withVitrine((vitrine) => this.choose(vitrine));
  }

  /** Opens the doctor's report. */
  async askDoctor(): Promise<void> {
    await this.withVitrine((vitrine, tree) => this.doctor.open(vitrine, tree));
  }

  /** Does something with the command of the tree that is open; the user is told if there is none. */
  private async withVitrine<T>(f: (vitrine: Vitrine, tree: string | undefined) => Promise<T>): Promise<T | undefined> {
    const tree = openTree();
    try {
      return await f(await this.adapters.find(tree), tree);
    } catch (err) {
      if (err instanceof NoVitrine) {
        void showNoVitrine(err, this.problems);
      } else {
        void vscode.window.showErrorMessage(`Vitrine: ${messageOf(err)}`);
      }
      return undefined;
    }
  }

  private async choose(vitrine: Vitrine): Promise<string | undefined> {
    const machines = parseMachines((await run(vitrine.command, ['ps'], { env: vitrine.env })).stdout);
    if (machines.length === 0) {
      if (await vscode.window.showInformationMessage('No machine of yours runs on this host.', 'Boot One')) {
        await boot();
      }
      return undefined;
    }
    if (machines.length === 1) {
      return machines[0]!.name;
    }
    const picked = await vscode.window.showQuickPick(machines.map(item), { title: 'Attach to which machine?', matchOnDescription: true });
    return picked?.label;
  }
}

function item(m: Machine): vscode.QuickPickItem {
  return { label: m.name, description: m.command, detail: `${m.state}, up ${m.up}` };
}

/** Boots the kernel of the tree that is open. */
export async function boot(options: { noDebug?: boolean } = {}): Promise<boolean> {
  const tree = openTree();
  if (!tree) {
    void vscode.window.showErrorMessage('Vitrine: no source tree is open. Open the folder that has the kernel, or write a launch.json.');
    return false;
  }
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(tree)) ?? vscode.workspace.workspaceFolders?.[0];
  return vscode.debug.startDebugging(folder, bootConfiguration(tree), { noDebug: options.noDebug ?? false });
}

/** The tree that a configuration names, if it names one; its paths are absolute or from cwd. */
export function treeOf(config: vscode.DebugConfiguration): string | undefined {
  const program: unknown = config['program'];
  if (typeof program !== 'string' || program === '') {
    return undefined;
  }
  const cwd: unknown = config['cwd'];
  return findTree(path.resolve(typeof cwd === 'string' ? cwd : '', program));
}
