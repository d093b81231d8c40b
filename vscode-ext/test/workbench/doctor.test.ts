// A host that lacks something is told of in vitrine doctor's words.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { inWorkbench } from './fixture.ts';
import { extension, output } from './server.ts';
import { copyTree } from './tree.ts';

test('what the host lacks comes as a notification with a button', { timeout: 300_000 }, async (t) => {
  // A vitrine that is the real one but for its opinion of this host.
  const command = path.join(output, 'vitrine-on-a-poor-host');
  const report = 'LACK  processor        emulated (Apple\'s Rosetta, or ARM): VirtualApple @ 2.50GHz';
  fs.writeFileSync(command, `#!/bin/sh
if [ "$1" = doctor ]; then
	cat <<'END'
${report}
                       → On Apple silicon use a virtual machine of x86-64 (slow), or a machine with such a processor

Vitrine can't run here as things are.
END
	exit 1
fi
exec ${path.join(output, 'bin/vitrine')} "$@"
`, { mode: 0o755 });
  const options = { extensions: [extension], settings: { 'vitrine.path': command } };
  await inWorkbench(t, 'doctor', await copyTree(), options, async ({ workbench: w, step }) => {
    const notification = w.notifications.filter({ hasText: 'emulated' });
    await step('F5 shows the notification', async () => {
      await w.ready();
      await w.page.keyboard.press('F5');
      await notification.waitFor();
    });
    await step('its button shows the report', async () => {
      await notification.locator('.monaco-button', { hasText: 'Report' }).click();
      const editor = w.editor;
      await editor.root.locator('.view-line').first().waitFor();
      assert((await editor.text()).includes(report));
    });
  });
});
