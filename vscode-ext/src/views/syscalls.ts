// The System Calls panel: a timeline with a lane for each task.
import * as vscode from 'vscode';
import { addProcessBreakpoint, addSyscallBreakpoint } from '../breakpoints';
import { onlyProgram } from '../core/syscalls';
import type { SyscallsEvent } from '../protocol';
import type { Sessions } from '../sessions';
import type { FromSyscalls, ToSyscalls } from '../webview/messages';
import { Follower } from './follower';
import { Panel } from './panel';

const body = `<header>
<input id="filter" type="search" placeholder="Filter: openat sh !write ENOENT" aria-label="Filter">
<label><input id="follow" type="checkbox" checked> Follow</label>
<label><input id="record" type="checkbox" checked> Record</label>
<button id="fit" title="Show all that was recorded">Fit</button>
<button id="clear">Clear</button>
<span id="status" role="status"></span>
</header>
<main><div id="lanes"></div><canvas id="chart" tabindex="0" aria-label="System calls over time"></canvas></main>
<footer><pre id="call">Point at a call to see it, click it to stop there next time. The wheel scrolls, with Ctrl it zooms; drag moves through time.</pre>
<table id="recent"><thead><tr><th>Time</th><th>Task</th><th>Call</th><th>Took</th></tr></thead><tbody></tbody></table></footer>`;

export class SyscallsPanel extends Panel<ToSyscalls, FromSyscalls> {
  private readonly follower: Follower<object, SyscallsEvent>;

  constructor(extension: vscode.Uri, sessions: Sessions) {
    super(extension, 'syscalls', 'System Calls', body);
    this.follower = new Follower<object, SyscallsEvent>(sessions, 'vitrine/syscalls', {
      begin: (m) => m && this.post({ type: 'begin', machine: m.name }),
      answer: () => this.post({ type: 'state', text: '' }),
      event: ({ calls, dropped }) => this.post({ type: 'calls', calls, dropped }),
      failed: (text) => this.post({ type: 'state', text }),
    });
  }

  protected visible(visible: boolean): void {
    this.follower.setVisible(visible);
  }

  protected received(m: FromSyscalls): void {
    switch (m.type) {
      case 'ready':
        this.follower.setVisible(true);
        return;
      case 'stopAt':
        addSyscallBreakpoint(m.name, 'entry', onlyProgram(m.comm));
        void vscode.window.setStatusBarMessage(`Stops when ${m.comm} calls ${m.name} next`, 5000);
        return;
      case 'breakOn':
        addProcessBreakpoint(m.pid);
        return;
    }
  }

  override dispose(): void {
    this.follower.dispose();
    super.dispose();
  }
}
