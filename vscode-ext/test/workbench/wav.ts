// What the guest has played, as the sound device has written it.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';

export interface Wave {
  rate: number; // frames per second
  channels: number;
  samples: Int16Array;
}

/** Reads a WAV file of 16 bits: a RIFF file with the chunks "fmt " and "data". */
export function readWave(file: string): Wave {
  const b = fs.readFileSync(file);
  assert.equal(b.toString('latin1', 0, 4) + b.toString('latin1', 8, 12), 'RIFFWAVE');
  let format: { rate: number; channels: number } | undefined;
  for (let at = 12; at + 8 <= b.length; ) {
    const [id, size, from] = [b.toString('latin1', at, at + 4), b.readUInt32LE(at + 4), at + 8];
    if (id === 'fmt ') {
      assert.equal(b.readUInt16LE(from + 14), 16, 'bits a sample');
      format = { channels: b.readUInt16LE(from + 2), rate: b.readUInt32LE(from + 4) };
    }
    if (id === 'data') {
      assert(format && from + size <= b.length, 'the file is cut off');
      return { ...format, samples: Int16Array.from({ length: size / 2 }, (_, i) => b.readInt16LE(from + 2 * i)) };
    }
    at = from + size + (size & 1);
  }
  return assert.fail('there is no sound in it');
}

/** What `play tone` plays: 440 Hz for a second at half the greatest loudness, mono (userland/applets/play.go). */
export function tone(): Int16Array {
  const rate = 48000;
  return Int16Array.from({ length: rate }, (_, i) => Math.trunc(Math.sin((2 * Math.PI * 440 * i) / rate) * (1 << 14)));
}
