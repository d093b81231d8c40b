// The kernel log's page.
import { mostLines, parseLogLine } from '../core/logModel';
import type { ToLog } from './messages';
import { element, listen } from './page';

const list = element('lines');
const filter = element<HTMLInputElement>('filter');

/** Whether its end is in sight: then it stays so. Who reads further up is left alone. */
const atEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 20;

function add(lines: readonly string[]): void {
  const follow = atEnd();
  for (const text of lines) {
    const line = parseLogLine(text);
    const row = document.createElement('div');
    row.className = line.level;
    const time = document.createElement('span');
    time.className = 'time';
    time.textContent = line.time;
    row.append(time, ` ${line.text}`);
    row.hidden = !matches(row);
    list.append(row);
  }
  while (list.childElementCount > mostLines) {
    list.firstElementChild?.remove();
  }
  if (follow) {
    list.scrollTop = list.scrollHeight;
  }
}

function matches(row: HTMLElement): boolean {
  return row.textContent.toLowerCase().includes(filter.value.toLowerCase());
}

filter.addEventListener('input', () => {
  for (const row of list.children) {
    (row as HTMLElement).hidden = !matches(row as HTMLElement);
  }
  list.scrollTop = list.scrollHeight;
});

listen<ToLog>((m) => {
  if (m.type === 'clear') {
    list.replaceChildren();
  } else {
    add(m.lines);
  }
});
