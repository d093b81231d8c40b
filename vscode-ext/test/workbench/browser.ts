// Chromium without a window.
import { type Browser, chromium } from 'playwright-core';

/** Starts Debian's Chromium with a profile of its own; it looks nothing up in the network. */
export function browse(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox', // it runs as root in containers
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}
