// The sound's page: meters, a scope, and the guest's sound in the editor's loudspeaker.
import { channel, decodeS16, envelope, Joiner, meterPart, type Pcm, trigger } from '../core/pcm';
import type { SoundStream } from '../protocol';
import type { FromSound, ToSound } from './messages';
import { element, fitCanvas, listen, onceAFrame, send, theme } from './page';

const scope = element<HTMLCanvasElement>('scope');
const choice = element<HTMLSelectElement>('stream');
const button = element<HTMLButtonElement>('listen');
const volume = element<HTMLInputElement>('volume');
const status = element('status');
const meters = element('streams');

const scopeSeconds = 0.03; // that the scope shows

let streams: SoundStream[] = [];
let last: Pcm | undefined;
let heard = -1; // the position up to which samples were asked for: a machine that stands still has no new ones
let player: Player | undefined;

const key = (s: { device: string; direction: string }) => `${s.device} ${s.direction}`;
const chosen = () => streams.find((s) => key(s) === choice.value);

choice.addEventListener('change', () => {
  heard = -1;
});

/** Plays pieces one after the other, a little behind, so that one that is late makes no hole. */
class Player {
  readonly context = new AudioContext();
  readonly joiner = new Joiner();
  private readonly gain = this.context.createGain();
  private next = 0; // when the next piece begins, in the context's time

  constructor() {
    this.gain.connect(this.context.destination);
    this.setVolume();
  }

  setVolume(): void {
    this.gain.gain.value = Number(volume.value);
  }

  play(pcm: Pcm): void {
    const frames = pcm.data.length / pcm.channels;
    if (frames < 1) {
      return;
    }
    const buffer = this.context.createBuffer(pcm.channels, frames, pcm.rate);
    for (let c = 0; c < pcm.channels; c++) {
      buffer.getChannelData(c).set(channel(pcm, c));
    }
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.gain);
    const lead = 0.3; // seconds
    if (this.next < this.context.currentTime) {
      this.next = this.context.currentTime + lead;
    }
    source.start(this.next);
    this.next += frames / pcm.rate;
  }

  close(): void {
    void this.context.close();
  }
}

function show(all: SoundStream[]): void {
  streams = all;
  const names = all.map(key);
  if ([...choice.options].map((o) => o.value).join() !== names.join()) {
    choice.replaceChildren(...all.map((s) => new Option(`${s.device} ${s.direction}`, key(s))));
  }
  meters.replaceChildren(...all.map(meter));
  const s = chosen();
  if (!s) {
    status.textContent = 'The machine has no sound device.';
    return;
  }
  status.textContent = s.rate === 0 ? `${s.state}: type play tone in the guest` : `${s.state}, ${s.rate} Hz, ${s.channels} × ${s.format}${s.xruns > 0 ? `, ${s.xruns} underruns` : ''}`;
  if (s.rate > 0 && s.position !== heard) { // the last event after the end has the last piece of it
    heard = s.position;
    const seconds = player ? player.joiner.need(s.position, s.rate) : 2 * scopeSeconds + 0.02;
    send<FromSound>({ type: 'want', device: s.device, direction: s.direction, seconds });
  }
}

/** A stream's meters: a bar for each channel. */
function meter(s: SoundStream): HTMLElement {
  const box = document.createElement('section');
  const title = document.createElement('h2');
  title.textContent = `${s.device} ${s.direction}: ${s.state}`;
  box.append(title);
  s.levels.forEach((dB, i) => {
    const row = document.createElement('label');
    const bar = document.createElement('meter');
    Object.assign(bar, { min: 0, max: 1, low: 0.7, high: 0.95, optimum: 0.3, value: meterPart(dB) });
    const text = document.createElement('output');
    text.textContent = dB <= -120 ? '−∞ dB' : `${dB.toFixed(1)} dB`;
    row.append(`${i + 1} `, bar, text);
    box.append(row);
  });
  return box;
}

const draw = onceAFrame(() => {
  const { g, width, height } = fitCanvas(scope);
  g.strokeStyle = theme('editorRuler-foreground', '#8884');
  g.strokeRect(0, height / 2, width, 0);
  if (!last || last.rate === 0) {
    return;
  }
  const all = channel(last, 0);
  const from = trigger(all);
  const part = all.subarray(from, from + Math.ceil(scopeSeconds * last.rate));
  g.strokeStyle = theme('charts-green', '#3a3');
  g.lineWidth = 1.5;
  g.beginPath();
  const y = (v: number) => height / 2 - v * (height / 2 - 4);
  envelope(part, Math.max(1, Math.min(Math.floor(width), part.length))).forEach(({ min, max }, i, columns) => {
    const x = (i / columns.length) * width;
    g.lineTo(x, y(max));
    if (min !== max) {
      g.lineTo(x, y(min));
    }
  });
  g.stroke();
});

button.addEventListener('click', () => {
  if (player) {
    player.close();
    player = undefined;
  } else {
    player = new Player();
  }
  button.setAttribute('aria-pressed', String(player !== undefined));
  button.textContent = player ? 'Stop Listening' : 'Listen';
});
volume.addEventListener('input', () => player?.setVolume());
window.addEventListener('resize', draw);

listen<ToSound>((m) => {
  switch (m.type) {
    case 'begin':
      last = undefined;
      heard = -1;
      draw();
      return;
    case 'streams':
      show(m.streams);
      return;
    case 'samples': {
      const { rate, channels, data, position } = m.samples;
      last = decodeS16(data, rate, channels);
      player?.play(player.joiner.take(last, position));
      draw();
      return;
    }
    case 'problem':
      status.textContent = m.text;
      return;
  }
});
