// The system calls' page: it draws core/timeline.
import { describeCall, duration, type Family, familyOf, type Lane, ticks, time, Timeline } from '../core/timeline';
import type { Syscall } from '../protocol';
import type { FromSyscalls, ToSyscalls } from './messages';
import { element, fitCanvas, listen, onceAFrame, send, theme } from './page';

const timeline = new Timeline();
const chart = element<HTMLCanvasElement>('chart');
const lanes = element('lanes');
const status = element('status');
const details = element('call');
const recent = element('recent').querySelector('tbody')!;
const filter = element<HTMLInputElement>('filter');
const follow = element<HTMLInputElement>('follow');
const record = element<HTMLInputElement>('record');

const laneHeight = 24; // px, as the style has it
const axisHeight = 20;
const mostRecent = 100;

let problem = '';

const colours: Record<Family, string> = {
  file: 'charts-blue', memory: 'charts-purple', process: 'charts-green', signal: 'charts-orange', socket: 'charts-yellow', time: 'charts-foreground', other: 'charts-foreground',
};

const draw = onceAFrame(() => {
  const shown = timeline.lanes;
  drawLanes(shown);
  chart.style.height = `${shown.length * laneHeight + axisHeight}px`;
  const { g, width, height } = fitCanvas(chart);
  g.font = `11px ${theme('font-family', 'sans-serif')}`;
  drawAxis(g, width, height, shown.length);
  const failed = theme('charts-red', '#d33');
  for (const { call, lane, x, w } of timeline.visible(width)) {
    g.fillStyle = call.errno ? failed : theme(colours[familyOf(call.name)], '#888');
    const y = axisHeight + lane * laneHeight + 3;
    g.fillRect(x, y, w, laneHeight - 6);
    const room = Math.min(x + w, width) - Math.max(x, 0);
    if (room > g.measureText(call.name).width + 6) {
      g.fillStyle = theme('editor-background', '#fff');
      g.fillText(call.name, Math.max(x, 0) + 3, y + laneHeight - 11);
    }
  }
  const n = timeline.shown.length;
  status.textContent = problem || [`${n} calls`, `${shown.length} tasks in sight`, timeline.dropped > 0 ? `${timeline.dropped} not recorded` : ''].filter(Boolean).join(', ');
});

function drawLanes(shown: readonly Lane[]): void {
  const texts = shown.map((l) => `${l.tid} ${l.comm}`);
  if (lanes.childElementCount === texts.length && texts.every((t, i) => lanes.children[i]!.textContent === t)) {
    return;
  }
  lanes.replaceChildren(...shown.map((l, i) => {
    const e = document.createElement('button');
    e.textContent = texts[i]!;
    e.title = `Stop at every system call of process ${l.pid}`;
    e.addEventListener('click', () => send<FromSyscalls>({ type: 'breakOn', pid: l.pid }));
    return e;
  }));
}

function drawAxis(g: CanvasRenderingContext2D, width: number, height: number, rows: number): void {
  const { from, to } = timeline.span;
  const line = theme('editorRuler-foreground', '#8884');
  const text = theme('descriptionForeground', '#888');
  for (const { at, label } of ticks(timeline.span, width / 120)) {
    const x = ((at - from) / (to - from)) * width;
    g.fillStyle = line;
    g.fillRect(x, 0, 1, height);
    g.fillStyle = text;
    g.fillText(label, x + 3, 13);
  }
  g.fillStyle = line;
  for (let i = 0; i <= rows; i++) {
    g.fillRect(0, axisHeight + i * laneHeight, width, 1);
  }
}

/** The newest calls as a table: what a screen reader can read, and a click into it stops there, too. */
const showRecent = onceAFrame(() => {
  const calls = timeline.shown.slice(-mostRecent).reverse();
  recent.replaceChildren(...calls.map((c) => {
    const row = document.createElement('tr');
    row.className = c.errno ? 'failed' : '';
    const [call] = describeCall(c).split('  ', 1);
    for (const text of [time(c.start_ns), `${c.tid} ${c.comm}`, call!, duration(c.end_ns - c.start_ns)]) {
      row.insertCell().textContent = text;
    }
    row.addEventListener('click', () => stopAt(c));
    return row;
  }));
});

function stopAt(c: Syscall): void {
  send<FromSyscalls>({ type: 'stopAt', name: c.name, comm: c.comm });
}

function changed(): void {
  draw();
  showRecent();
}

function callAt(e: MouseEvent): Syscall | undefined {
  const lane = Math.floor((e.offsetY - axisHeight) / laneHeight);
  return timeline.at(lane, e.offsetX, chart.clientWidth);
}

let dragged = 0; // px since the button went down
chart.addEventListener('mousedown', () => {
  dragged = 0;
});
chart.addEventListener('mousemove', (e) => {
  if (e.buttons === 1) {
    dragged += Math.abs(e.movementX);
    timeline.pan(-e.movementX / chart.clientWidth);
    follow.checked = false;
    draw();
    return;
  }
  const c = callAt(e);
  chart.style.cursor = c ? 'pointer' : 'default';
  if (c) {
    details.textContent = `${c.tid} ${c.comm}  ${describeCall(c)}`;
  }
});
chart.addEventListener('click', (e) => {
  const c = dragged < 4 ? callAt(e) : undefined;
  if (c) {
    stopAt(c);
  }
});
chart.addEventListener('wheel', (e) => {
  if (e.ctrlKey || e.metaKey) {
    timeline.zoom(2 ** (Math.sign(e.deltaY) / 2), e.offsetX / chart.clientWidth);
  } else if (e.deltaX !== 0 || e.shiftKey) {
    timeline.pan((e.deltaX || e.deltaY) / chart.clientWidth);
  } else {
    return; // up and down scrolls the lanes
  }
  e.preventDefault();
  follow.checked = timeline.following;
  draw();
}, { passive: false });
chart.addEventListener('keydown', (e) => {
  const keys: Record<string, () => void> = {
    ArrowLeft: () => timeline.pan(-0.2), ArrowRight: () => timeline.pan(0.2), '+': () => timeline.zoom(0.5, 0.5), '-': () => timeline.zoom(2, 0.5), End: () => timeline.follow(),
  };
  keys[e.key]?.();
  follow.checked = timeline.following;
  draw();
});

filter.addEventListener('input', () => {
  timeline.setFilter(filter.value);
  changed();
});
follow.addEventListener('change', () => {
  if (follow.checked) {
    timeline.follow();
  } else {
    timeline.following = false;
  }
  draw();
});
element('fit').addEventListener('click', () => {
  timeline.fit();
  follow.checked = false;
  draw();
});
element('clear').addEventListener('click', () => {
  timeline.clear();
  changed();
});
window.addEventListener('resize', draw);

listen<ToSyscalls>((m) => {
  switch (m.type) {
    case 'begin':
      timeline.clear();
      document.title = m.machine;
      changed();
      return;
    case 'calls':
      if (record.checked) {
        timeline.add(m.calls, m.dropped);
        changed();
      }
      return;
    case 'state':
      problem = m.text;
      draw();
      return;
  }
});
