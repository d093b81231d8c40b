// Machines for tests in the extension host.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as vscode from 'vscode';

/** Prints for who runs the tests: the window passes on what is printed here, and VS Code prints, too. */
export function say(text: string): void {
  for (const line of text.split('\n')) console.log(`test: ${line}`);
}

/** A message of the Debug Adapter Protocol. */
export interface Message {
  type: 'request' | 'response' | 'event';
  command?: string;
  event?: string;
  body?: Record<string, unknown>;
}

/** What goes between VS Code and the adapter of one session. */
export class Traffic {
  readonly requests: Message[] = []; // VS Code's and the extension's
  readonly events: Message[] = []; // the adapter's
  #waiting = new Set<() => void>();

  add(list: Message[], m: Message): void {
    list.push(m);
    for (const f of this.#waiting) f();
  }

  /** Waits for an event, from the number-th on that has been seen. */
  event(name: string, from = 0): Promise<Message> {
    return this.#when(() => this.events.slice(from).find((m) => m.event === name), `the event ${name}`);
  }

  #when<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`no ${what} within 100 s; there were ${this.events.map((m) => m.event).join(' ')}`));
      }, 100_000);
      const look = () => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

const traffic = new Map<string, Traffic>(); // by session
const tracker: vscode.DebugAdapterTrackerFactory = {
  createDebugAdapterTracker(session) {
    const t = new Traffic();
    traffic.set(session.id, t);
    return {
      onWillReceiveMessage: (m: Message) => t.add(t.requests, m),
      onDidSendMessage: (m: Message) => m.type === 'event' && t.add(t.events, m),
    };
  },
};
vscode.debug.registerDebugAdapterTrackerFactory('vitrine', tracker);

export interface Kernel {
  session: vscode.DebugSession;
  traffic: Traffic;
  /** Of the kernel's process. */
  pid: number;
}

/** Launches a machine by a configuration, as F5 does, and waits until it is there. */
export async function launch(config: Partial<vscode.DebugConfiguration>): Promise<Kernel> {
  return begin({ request: 'launch', ...config });
}

/** Attaches to a machine that runs. */
export async function attach(machine: string): Promise<Kernel> {
  return begin({ request: 'attach', machine });
}

async function begin(config: Partial<vscode.DebugConfiguration> & { request: string }): Promise<Kernel> {
  const started = new Promise<vscode.DebugSession>((resolve) => {
    const sub = vscode.debug.onDidStartDebugSession((s) => {
      if (s.type === 'vitrine') (sub.dispose(), resolve(s));
    });
  });
  const folder = vscode.workspace.workspaceFolders![0]!;
  assert(await vscode.debug.startDebugging(folder, { type: 'vitrine', name: 'test', ...config }), 'the session does not start');
  const session = await started;
  const t = traffic.get(session.id)!;
  const { body } = await t.event('process');
  return { session, traffic: t, pid: body!.systemProcessId as number };
}

/** Ends a session and waits for its end. */
export async function end(k: Kernel): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    const sub = vscode.debug.onDidTerminateDebugSession((s) => {
      if (s.id === k.session.id) (sub.dispose(), resolve());
    });
  });
  await vscode.debug.stopDebugging(k.session);
  await ended;
}

/** Whether a process lives; one that has died and that nobody has waited for does not. */
export function alive(pid: number): boolean {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

/** Waits for what no event tells of. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await condition()); await new Promise((f) => setTimeout(f, 20))) {
    assert(Date.now() < end, `not within 60 s: ${what}`);
  }
}
