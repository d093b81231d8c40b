// A fresh VS Code: code-server with its own home directory, settings and extensions.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The directory that scripts/test-setup.sh has made: code-server and its Node. */
export const installed = needed('VITRINE_TEST_ENV');

/** A directory that outlives a run. */
export const cache = needed('VITRINE_TEST_CACHE');

/** What the tests leave behind: pictures, logs. */
export const output = needed('VITRINE_TEST_OUT');

/** The extension, packed. */
export const extension = path.join(output, 'vitrine.vsix');

/** Another extension that claims Go, packed: test/fixtures/other-go. */
export const otherGo = path.join(output, 'other-go.vsix');

/** How long anything may take, in milliseconds: a machine with two busy cores builds a kernel meanwhile. */
export const patience = 1000 * Number(process.env.VITRINE_TEST_PATIENCE ?? 120);

/** Waits until a condition holds; it is looked at again and again, after pause. */
export async function until(what: string, condition: () => Promise<boolean>, pause: () => Promise<unknown> = () => delay(50)): Promise<void> {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${patience / 1000} s: ${what}`);
    await pause();
  }
}

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests by vscode-ext/scripts/test-vscode.sh`);
  return value;
}

// What a person would be asked, or shown, at the first start; and what would make pictures differ.
const defaults = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.menuBarVisibility': 'compact',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'git.enabled': false,
  'editor.minimap.enabled': false,
  'terminal.integrated.gpuAcceleration': 'off', // text that can be read from the page
  'debug.showInStatusBar': 'always', // it appears when the debuggers are known: the sign that the gutter takes clicks
};

export interface Options {
  /** The .vsix files to install. */
  extensions: string[];
  settings?: Record<string, unknown>;
  /** Lets a window be asked to run tests in the extension host. It shows no notifications then. */
  driver?: boolean;
  /** Additions to the environment of the server, and so of the extension and the kernel. */
  env?: Record<string, string>;
}

export class Server {
  readonly address: string; // HOST:PORT
  readonly dir: string;
  /** Its environment, and so that of the extension and of the machines that it starts. */
  readonly env: NodeJS.ProcessEnv;
  #process: ChildProcess;

  private constructor(process: ChildProcess, address: string, dir: string, env: NodeJS.ProcessEnv) {
    this.#process = process;
    this.address = address;
    this.dir = dir;
    this.env = env;
  }

  static async start(o: Options): Promise<Server> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vitrine-vscode-')); // a short name: sockets are in it
    for (const d of ['data/Machine', 'data/User', 'extensions', 'home', 'run']) fs.mkdirSync(path.join(dir, d), { recursive: true, mode: 0o700 });
    const settings = JSON.stringify({ ...defaults, ...o.settings }, null, 2);
    fs.writeFileSync(path.join(dir, 'data/Machine/settings.json'), settings);
    fs.writeFileSync(path.join(dir, 'data/User/settings.json'), settings);
    fs.writeFileSync(path.join(dir, 'config.yaml'), 'auth: none\n');
    const env = environment(dir, o.env);
    // The server asks a login shell for the environment.
    fs.writeFileSync(path.join(dir, 'home/.profile'), `export PATH='${env.PATH}'\n`);

    const args = [
      path.join(installed, 'node_modules/code-server/out/node/entry.js'),
      '--config', path.join(dir, 'config.yaml'), '--user-data-dir', path.join(dir, 'data'), '--extensions-dir', path.join(dir, 'extensions'),
    ];
    for (const e of o.extensions) await run(process.execPath, [...args, '--install-extension', e], env);
    const log = fs.openSync(path.join(dir, 'server.log'), 'w');
    const server = spawn(process.execPath, [
      ...args, '--auth', 'none', '--bind-addr', '127.0.0.1:0', '--disable-telemetry', '--disable-update-check', '--disable-workspace-trust',
      '--disable-getting-started-override', '-e', ...(o.driver ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
    ], { env, detached: true, stdio: ['ignore', 'pipe', log] });
    return new Server(server, await listening(server, log), dir, env);
  }

  /** Ends the server and all that it has started, and keeps its logs as NAME in the output directory. */
  async close(name: string): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      process.kill(-this.#process.pid!, 'SIGTERM');
      await exited;
    }
    fs.cpSync(path.join(this.dir, 'data/logs'), path.join(output, `${name}-logs`), { recursive: true });
    fs.copyFileSync(path.join(this.dir, 'server.log'), path.join(output, `${name}-logs/server.log`));
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** environment of the server: nothing of this user's but what the go command has built and fetched. */
function environment(dir: string, more?: Record<string, string>): NodeJS.ProcessEnv {
  const { GOENV, GOCACHE, GOMODCACHE } = process.env;
  return {
    PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
    LANG: 'C.UTF-8',
    SHELL: '/bin/bash',
    HOME: path.join(dir, 'home'),
    GOENV, GOCACHE, GOMODCACHE,
    EXTENSIONS_GALLERY: '{"serviceUrl":""}', // there is no market to ask for updates
    XDG_CACHE_HOME: path.join(cache, 'xdg'), // kernels that were built
    XDG_RUNTIME_DIR: path.join(dir, 'run'), // machines that others run are not seen
    ...more,
  };
}

/** Waits until the server says where it listens; all that it ever says goes into the log. */
function listening(server: ChildProcess, log: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    server.stdout!.on('data', (chunk) => {
      fs.writeSync(log, chunk);
      text += chunk;
      const m = /listening on http:\/\/([\d.]+:\d+)/.exec(text);
      if (m) resolve(m[1]!);
    });
    server.once('exit', () => reject(new Error(`code-server has not started:\n${text}`)));
  });
}

/** Runs a program to its end. It throws, with what the program said, when that is no success. */
export async function run(program: string, args: string[], env: NodeJS.ProcessEnv = process.env, cwd?: string): Promise<string> {
  const p = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  p.stdout.on('data', (b) => (text += b));
  p.stderr.on('data', (b) => (text += b));
  const [code] = await once(p, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: status ${code}\n${text}`);
  return text;
}
