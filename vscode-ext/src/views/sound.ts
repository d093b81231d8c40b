// The Sound panel: levels and a scope of every stream, and playing in the editor what the guest plays.
import type * as vscode from 'vscode';
import { messageOf } from '../output';
import type { Sound, SoundSamples } from '../protocol';
import type { Sessions } from '../sessions';
import type { FromSound, ToSound } from '../webview/messages';
import { Follower } from './follower';
import { Panel } from './panel';

const body = `<header>
<select id="stream" aria-label="Stream"></select>
<button id="listen" aria-pressed="false">Listen</button>
<label>Volume <input id="volume" type="range" min="0" max="1" step="0.01" value="0.5"></label>
<span id="status" role="status">No stream yet: type <code>play tone</code> in the guest.</span>
</header>
<main><canvas id="scope" aria-label="Scope"></canvas></main>
<footer id="streams"></footer>`;

export class SoundPanel extends Panel<ToSound, FromSound> {
  private readonly follower: Follower<Sound, Sound>;
  private asking = false;

  constructor(extension: vscode.Uri, private readonly sessions: Sessions) {
    super(extension, 'sound', 'Sound', body);
    this.follower = new Follower<Sound, Sound>(sessions, 'vitrine/sound', {
      begin: (m) => m && this.post({ type: 'begin', machine: m.name }),
      answer: ({ streams }) => this.post({ type: 'streams', streams }),
      event: ({ streams }) => this.post({ type: 'streams', streams }),
      failed: (text) => this.post({ type: 'problem', text }),
    });
  }

  protected visible(visible: boolean): void {
    this.follower.setVisible(visible);
  }

  protected received(m: FromSound): void {
    if (m.type === 'ready') {
      this.follower.setVisible(true);
    } else {
      void this.fetch(m.device, m.direction, m.seconds);
    }
  }

  /** Fetches samples, one piece at a time: with events at five a second that bounds the requests, too. */
  private async fetch(device: string, direction: string, seconds: number): Promise<void> {
    const m = this.sessions.active;
    if (!m || this.asking) {
      return;
    }
    this.asking = true;
    try {
      this.post({ type: 'samples', device, direction, samples: await m.request<SoundSamples>('vitrine/soundSamples', { device, direction, seconds }) });
    } catch (err) {
      this.post({ type: 'problem', text: messageOf(err) });
    } finally {
      this.asking = false;
    }
  }

  override dispose(): void {
    this.follower.dispose();
    super.dispose();
  }
}
