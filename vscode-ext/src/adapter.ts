// The `vitrine` command: where it is, and building it from the tree. It is the debug adapter, and what else is asked of machines.
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { cacheOf, findCommand, fingerprint, isFresh, packageDirs, type Stamp } from './core/tree';
import { output } from './output';
import type { Problems } from './problems';
import { run } from './process';

/** A `vitrine` command that can be started. */
export interface Vitrine {
  command: string;
  env: Record<string, string>; // with the PATH that has Go
}

/** There is none, for a reason that the user should read. */
export class NoVitrine extends Error {
  constructor(message: string, readonly kind: 'no-go' | 'no-command' | 'build' | 'cancelled') {
    super(message);
  }
}

export class Adapters {
  private readonly builds = new Map<string, Promise<string>>(); // by tree: who comes later waits for the same

  constructor(private readonly problems: Problems) {}

  /** Finds the command: the setting's, the tree's (built if need be), the one in PATH. Throws NoVitrine. */
  async find(tree: string | undefined): Promise<Vitrine> {
    const env = environment();
    const set = vscode.workspace.getConfiguration('vitrine').get<string>('path', '');
    if (set !== '') {
      return { command: set, env };
    }
    if (tree !== undefined) {
      return { command: await this.ofTree(tree, env), env };
    }
    const command = findCommand('vitrine', env);
    if (!command) {
      throw new NoVitrine('There is no `vitrine` command in PATH, and no source tree of Vitrine is open. The setting vitrine.path can name one.', 'no-command');
    }
    return { command, env };
  }

  private async ofTree(tree: string, env: Record<string, string>): Promise<string> {
    const product = path.join(cacheOf(tree, env), 'vitrine');
    if (isFresh(tree, product)) {
      return product;
    }
    let build = this.builds.get(tree);
    if (!build) {
      build = this.build(tree, product, env).finally(() => this.builds.delete(tree));
      this.builds.set(tree, build);
    }
    return build;
  }

  private async build(tree: string, product: string, env: Record<string, string>): Promise<string> {
    const go = findGo(env);
    if (!go) {
      const ready = path.join(tree, 'bin', 'vitrine');
      if (fs.existsSync(ready)) { // better an older one, which says itself what it lacks
        return ready;
      }
      throw new NoVitrine('There is no Go here, which builds Vitrine: no `go` command in PATH. Install Go 1.26 or later.', 'no-go');
    }
    return vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'Vitrine: building the debugger', cancellable: true },
      async (_, token) => {
        const started = Date.now();
        fs.mkdirSync(path.dirname(product), { recursive: true });
        const fresh = `${product}.${process.pid}`; // another window may build at the same time
        try {
          const [built, deps] = await Promise.all([
            run(go, ['build', '-o', fresh, './cmd/vitrine'], { cwd: tree, env, token }),
            run(go, ['list', '-deps', '-f', '{{.Dir}}', './cmd/vitrine'], { cwd: tree, env, token }),
          ]);
          if (token.isCancellationRequested) {
            throw new NoVitrine('The build was cancelled.', 'cancelled');
          }
          if (built.status !== 0 || deps.status !== 0) {
            const text = built.stderr || deps.stderr;
            output.error(`go build ./cmd/vitrine\n${text}`);
            const n = this.problems.publish(tree, text);
            throw new NoVitrine(n > 0 ? `Vitrine does not build: ${n === 1 ? 'one error' : `${n} errors`}.` : `Vitrine does not build: ${firstLine(text)}`, 'build');
          }
          const dirs = packageDirs(tree, deps.stdout);
          // The stamp goes first: a crash in between costs a build, never a stale command.
          fs.rmSync(`${product}.stamp`, { force: true });
          fs.renameSync(fresh, product);
          const stamp: Stamp = { dirs, sum: fingerprint(tree, dirs) };
          fs.writeFileSync(`${product}.stamp`, JSON.stringify(stamp));
          this.problems.clear();
          output.info(`built ${product} in ${Date.now() - started} ms`);
          return product;
        } finally {
          fs.rmSync(fresh, { force: true });
        }
      },
    );
  }
}

/** Tells the user why there is no command, with something to press. */
export async function showNoVitrine(err: NoVitrine, problems: Problems): Promise<void> {
  switch (err.kind) {
    case 'cancelled':
      return;
    case 'build': {
      void problems.show();
      if (await vscode.window.showErrorMessage(err.message, 'Show the Compiler\'s Output')) {
        output.show();
      }
      return;
    }
    case 'no-go': {
      if (await vscode.window.showErrorMessage(err.message, 'Get Go')) {
        await vscode.env.openExternal(vscode.Uri.parse('https://go.dev/dl'));
      }
      return;
    }
    case 'no-command': {
      if (await vscode.window.showErrorMessage(err.message, 'Open the Setting')) {
        await vscode.commands.executeCommand('workbench.action.openSettings', 'vitrine.path');
      }
    }
  }
}

/** This process's environment, with Go's directory in PATH: the command looks for it there, too. */
function environment(): Record<string, string> {
  const env = Object.fromEntries(Object.entries(process.env).filter((e): e is [string, string] => e[1] !== undefined));
  const go = findGo(env);
  if (go) {
    env['PATH'] = [path.dirname(go), env['PATH']].filter((p) => p).join(path.delimiter);
  }
  return env;
}

function findGo(env: NodeJS.ProcessEnv): string | undefined {
  const set = vscode.workspace.getConfiguration('vitrine').get<string>('go', '');
  return set !== '' ? set : findCommand('go', env, ['/usr/local/go/bin/go', '/usr/lib/go/bin/go']);
}

function firstLine(text: string): string {
  return text.split('\n').find((l) => l.trim() !== '') ?? 'it says nothing';
}
