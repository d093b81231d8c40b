// Subscribes to events of the machine that is shown, as long as somebody looks.
import * as vscode from 'vscode';
import { messageOf, output } from '../output';
import type { MachineSession, Sessions } from '../sessions';

/** What a follower is to do with what it gets. */
export interface Listener<Answer, Event> {
  /** Another machine is followed from now on; none if m is undefined. */
  begin(m: MachineSession | undefined): void;
  answer?(body: Answer): void;
  event(body: Event): void;
  failed?(message: string): void;
}

/** Follows by a request with {follow: true}, whose later news are events of the same name. */
export class Follower<Answer, Event> implements vscode.Disposable {
  private visible = false;
  private following: { m: MachineSession; key: string } | undefined;
  private shown: string | undefined; // of which machine begin was called last
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly sessions: Sessions, private readonly command: string, private readonly listener: Listener<Answer, Event>,
    private readonly ends = true, // whether it can be ended with {follow: false}
  ) {
    this.disposables = [
      sessions.onDidActivate(() => this.update()),
      sessions.onDidChange(() => this.update()),
      vscode.debug.onDidReceiveDebugSessionCustomEvent((e) => {
        if (e.event === command && this.following?.m.session.id === e.session.id) {
          listener.event(e.body as Event);
        }
      }),
    ];
  }

  /** Whether somebody looks. */
  setVisible(visible: boolean): void {
    this.visible = visible;
    this.update();
  }

  private update(): void {
    const m = this.sessions.active;
    const ready = m !== undefined && (m.state === 'running' || m.state === 'stopped');
    const key = ready ? `${m.session.id} ${m.generation}` : undefined;
    const wanted = ready && this.visible ? key : undefined;
    if (this.following && this.following.key !== wanted) {
      const { m: old, key: oldKey } = this.following;
      this.following = undefined;
      // What follows a machine that has been restarted has ended with it.
      if (this.ends && old.state !== 'ended' && oldKey === `${old.session.id} ${old.generation}`) {
        old.request(this.command, { follow: false }).catch((err: unknown) => output.debug(`${this.command}: ${messageOf(err)}`));
      }
    }
    if (wanted !== undefined && m && !this.following) {
      this.following = { m, key: wanted };
      if (this.shown !== wanted) {
        this.shown = wanted;
        this.listener.begin(m);
      }
      void this.begin(m, wanted);
    }
  }

  private async begin(m: MachineSession, key: string): Promise<void> {
    try {
      const body = await m.request<Answer>(this.command, { follow: true });
      if (this.following?.key === key) {
        this.listener.answer?.(body);
      }
    } catch (err) {
      output.warn(`${this.command}: ${messageOf(err)}`);
      if (this.following?.key === key) {
        this.following = undefined;
        this.listener.failed?.(messageOf(err));
      }
    }
  }

  dispose(): void {
    this.setVisible(false);
    vscode.Disposable.from(...this.disposables).dispose();
  }
}
