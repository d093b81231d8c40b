// The whole way of a person in the real workbench: open the tree, press F5, be inside the kernel.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { inWorkbench } from './fixture.ts';
import { extension, otherGo, output } from './server.ts';
import { copyTree, lineOf } from './tree.ts';
import { readWave, tone } from './wav.ts';
import { prompt } from './workbench.ts';

const wave = path.join(output, 'journey.wav');

// With another extension beside it that claims Go, as most people who write Go have.
const options = { extensions: [extension, otherGo], settings: { 'vitrine.audio': `wav:out=${wave}` } };

test('from opening the tree to a changed kernel', { timeout: 900_000 }, async (t) => {
  const tree = await copyTree();
  await inWorkbench(t, 'journey', tree, options, async ({ workbench: w, step }) => {
    const sound = 'kernel/sound/pcm.go';
    const open = lineOf(path.join(tree, sound), 'func (s *Substream) open(') + 1; // its first line
    const press = (key: string) => w.page.keyboard.press(key);

    await step('F5 without a launch.json', async () => {
      assert(!fs.existsSync(path.join(tree, '.vscode')));
      await w.openFile(sound, open);
      await w.ready();
      await press('F5');
      await w.debugToolbar.waitFor();
      await w.widenSideBar(600);
    });

    await step('the terminal shows the guest’s shell', () => w.terminal.waitFor(prompt));

    const editor = await w.openFile(sound, open);
    await step('a breakpoint by a click in the sound driver’s open', () => editor.clickGutter(open));

    await step('`play tone`, typed in the terminal, stops there', async () => {
      await w.terminal.type('play tone');
      assert.equal(await editor.stoppedLine(), open);
    });

    const variables = await w.pane('Variables');
    await step('Variables shows the task’s name', async () => {
      await variables.expand('Arguments');
      await variables.expand(/^t\b/);
      await variables.row(/^Name\b.*"play"/).waitFor();
    });

    const stack = await w.pane('Call Stack');
    await stack.alone();
    await step('the call stack shows the program’s frames under the kernel’s', async () => {
      await stack.expand(/\bplay\b/);
      await stack.row('Load More Stack Frames').click();
      await stack.row('applets.playOne').waitFor();
      const rows = await stack.rows();
      const boundary = rows.findIndex((r) => r.includes('── system call openat'));
      assert.match(rows[boundary]!, /"\/dev\/dsp"/);
      assert(rows.slice(0, boundary).some((r) => r.includes('(*Substream).open')), rows.join('\n'));
      assert(rows.slice(boundary + 1).some((r) => /applets\.playOne\b.*play\.go/.test(r)), rows.join('\n'));
    });

    await step('F10 goes to the next lines, F11 into a function, Shift+F11 out of it', async () => {
      for (const line of [open + 1, open + 2, lineOf(path.join(tree, sound), 'if s.state(t) == ')]) {
        await press('F10');
        await w.until(`F10 to line ${line}`, async () => (await editor.stoppedLine()) === line);
      }
      await press('F11');
      const inner = lineOf(path.join(tree, 'kernel/sound/params.go'), 'func (s *Substream) state(');
      await w.activeTab('params.go').waitFor();
      await w.until('F11 into a function', async () => (await editor.stoppedLine()) === inner);
      await press('Shift+F11');
      await w.activeTab('pcm.go').waitFor();
    });

    await step('Processes lists the shell', async () => {
      const processes = await w.pane('Processes');
      await processes.alone();
      await processes.row(/^\d+ sh/).waitFor();
      await processes.row(/^\d+ play/).waitFor();
    });

    await step('a data breakpoint from the Variables pane is hit', async () => {
      await variables.open();
      await variables.expand('Arguments');
      await variables.expand(/^s\b/);
      await variables.menu(/^Owner\b/, 'Break on Value Change');
      await (await w.pane('Breakpoints')).row(/Owner/).waitFor();
      await press('F5');
      await w.until('it has stopped behind the assignment', async () => (await editor.stoppedLine()) === lineOf(path.join(tree, sound), 's.Owner = ') + 1);
      await variables.row(/^Owner\b.*[1-9]/).waitFor();
    });

    await step('continued, the sound is whole', async () => {
      await press('F5');
      await stack.open();
      await stack.row('(*Substream).close').waitFor(); // it changes once more
      await press('F5');
      await w.terminal.waitFor(/play tone\n(.*\n)*vitrine:~#$/);
      const { rate, channels, samples } = readWave(wave);
      assert.deepEqual({ rate, channels, length: samples.length }, { rate: 48000, channels: 1, length: 48000 });
      const want = tone();
      assert(samples.every((v, i) => Math.abs(v - want[i]!) <= 1)); // the last bit is the affair of who computes the sine
    });

    await step('a line of the kernel is edited, and a restart shows the new behaviour', async () => {
      const uname = await w.openFile('kernel/syscall/uname.go', lineOf(path.join(tree, 'kernel/syscall/uname.go'), 'copy(u.Version[:64]'));
      await uname.typeLine('copy(u.Version[:64], "made anew")');
      await press('Control+s');
      await press('Control+Shift+F5');
      await w.terminal.waitFor(/(console vitrine\n[^]*){2}vitrine:~#$/); // once more, with the new kernel
      await w.terminal.type('uname -v');
      await w.terminal.waitFor(/\nmade anew/);
    });
  });
});
