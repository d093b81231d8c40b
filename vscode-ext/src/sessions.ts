// The machines that this window debugs: one for each session, and which of them the views show.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { messageOf, output } from './output';
import type { Problems } from './problems';

export type State = 'starting' | 'running' | 'stopped' | 'ended';

/** A machine as this window debugs it. */
export class MachineSession {
  state: State = 'starting';
  thread = 0; // that stopped last
  name: string; // of the machine, as soon as it is known
  reason = ''; // of the last stop, in the protocol's words
  stops = 0; // how often it has stopped
  failed = false; // the last build
  generation = 0; // counts the machines: a restart makes another one

  private build = ''; // what the compiler says of the build that is under way
  private readonly starts = new Map<number, number>(); // requests that build, and the generation before

  constructor(readonly session: vscode.DebugSession) {
    this.name = session.name;
  }

  /** Sends a request; the answer's body is what the server says, of the shape that docs/dap.md gives. */
  request<T>(command: string, args: object = {}): Promise<T> {
    return Promise.resolve(this.session.customRequest(command, args)) as Promise<T>;
  }

  get tree(): string | undefined {
    const program: unknown = this.session.configuration['program'];
    return typeof program === 'string' ? program : undefined;
  }

  /** Follows what goes from the editor to the server. */
  sent(m: DebugProtocol.ProtocolMessage): void {
    const request = m as DebugProtocol.Request;
    if (m.type === 'request' && (request.command === 'launch' || request.command === 'restart')) {
      this.starts.set(m.seq, this.generation);
      this.build = '';
    }
  }

  /** Follows what comes from the server. Returns whether the state has changed. */
  received(m: DebugProtocol.ProtocolMessage, problems: Problems): boolean {
    if (m.type === 'response') {
      return this.answered(m as DebugProtocol.Response, problems);
    }
    const event = m as DebugProtocol.Event;
    switch (event.event) {
      case 'output': {
        const o = event.body as DebugProtocol.OutputEvent['body'];
        if (this.starts.size > 0 && o.category === 'stderr') {
          this.build += o.output;
        }
        return false;
      }
      case 'process':
        this.name = (event.body as DebugProtocol.ProcessEvent['body']).name;
        this.generation++;
        return true;
      case 'stopped':
        ({ threadId: this.thread = 0, reason: this.reason } = event.body as DebugProtocol.StoppedEvent['body']);
        this.stops++;
        this.state = 'stopped';
        return true;
      case 'continued':
        return this.become('running');
      case 'terminated':
        return this.become('ended');
    }
    return false;
  }

  private answered(r: DebugProtocol.Response, problems: Problems): boolean {
    const before = this.starts.get(r.request_seq);
    if (before !== undefined) {
      this.starts.delete(r.request_seq);
      // A restart that fails is answered with success, for VS Code would forget the session: a new machine tells that it was none.
      const made = r.success && this.generation > before;
      this.built(made, problems);
      return made && r.command === 'restart' && this.become('running');
    }
    if (r.success && runs.has(r.command)) {
      return this.become('running');
    }
    return false;
  }

  private built(ok: boolean, problems: Problems): void {
    const text = this.build;
    this.build = '';
    this.failed = !ok && this.tree !== undefined && problems.publish(this.tree, text) > 0;
    if (ok) {
      problems.clear();
    } else if (this.failed) {
      void problems.show();
    }
  }

  private become(state: State): boolean {
    const changed = this.state !== state;
    this.state = state;
    return changed;
  }
}

/** Requests after whose success the machine runs. configurationDone lets a launched one boot; an attached one runs already. */
const runs = new Set(['configurationDone', 'continue', 'next', 'stepIn', 'stepOut', 'reverseContinue']);

export class Sessions implements vscode.DebugAdapterTrackerFactory {
  private readonly all = new Map<string, MachineSession>();
  private readonly changed = new vscode.EventEmitter<MachineSession>();
  private readonly activated = new vscode.EventEmitter<MachineSession | undefined>();
  private readonly disposables: vscode.Disposable[];

  /** A session's state has changed. */
  readonly onDidChange = this.changed.event;
  /** Another session is the active one, or none is. */
  readonly onDidActivate = this.activated.event;

  constructor(private readonly problems: Problems) {
    this.disposables = [
      vscode.debug.registerDebugAdapterTrackerFactory('vitrine', this),
      vscode.debug.onDidChangeActiveDebugSession(() => this.activate()),
      vscode.debug.onDidTerminateDebugSession((s) => this.end(s)),
      this.changed,
      this.activated,
    ];
  }

  /** The machine that the views show: the active one, else the one that was started last. */
  get active(): MachineSession | undefined {
    const id = vscode.debug.activeDebugSession?.id;
    return (id !== undefined ? this.all.get(id) : undefined) ?? [...this.all.values()].at(-1);
  }

  list(): MachineSession[] {
    return [...this.all.values()];
  }

  /** Returns the machine of a session. */
  of(session: vscode.DebugSession): MachineSession | undefined {
    return this.all.get(session.id);
  }

  createDebugAdapterTracker(session: vscode.DebugSession): vscode.DebugAdapterTracker {
    const m = new MachineSession(session);
    this.all.set(session.id, m);
    output.info(`${m.name}: the session begins`);
    this.activate();
    return {
      onWillReceiveMessage: (msg: DebugProtocol.ProtocolMessage) => {
        trace('→', msg);
        m.sent(msg);
      },
      onDidSendMessage: (msg: DebugProtocol.ProtocolMessage) => {
        trace('←', msg);
        if (m.received(msg, this.problems)) {
          this.tell(m);
        }
      },
      onError: (err) => output.error(`${m.name}: ${messageOf(err)}`),
      onExit: () => this.end(session),
    };
  }

  private end(session: vscode.DebugSession): void {
    const m = this.all.get(session.id);
    if (m && this.all.delete(session.id)) {
      m.state = 'ended';
      output.info(`${m.name}: the session has ended`);
      if (m.failed && m.generation === 0) { // the editor has brought its console to the front meanwhile
        void this.problems.show();
      }
      this.tell(m);
      this.activate();
    }
  }

  private tell(m: MachineSession): void {
    this.changed.fire(m);
    if (m === this.active) {
      void vscode.commands.executeCommand('setContext', 'vitrine.stopped', m.state === 'stopped');
    }
  }

  private activate(): void {
    const m = this.active;
    void vscode.commands.executeCommand('setContext', 'vitrine.active', m !== undefined);
    void vscode.commands.executeCommand('setContext', 'vitrine.stopped', m?.state === 'stopped');
    this.activated.fire(m);
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}

/** Who sets the output's level to Trace sees all messages. */
function trace(direction: string, m: DebugProtocol.ProtocolMessage): void {
  if (output.logLevel === vscode.LogLevel.Trace) {
    output.trace(`${direction} ${JSON.stringify(m)}`);
  }
}
