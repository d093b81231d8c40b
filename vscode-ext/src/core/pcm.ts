// Samples of sound: from the server's base64 to numbers, to what a scope shows, and to a stream without holes.

/** Samples of one moment, the channels in turn, between -1 and 1. */
export interface Pcm {
  rate: number;
  channels: number;
  data: Float32Array;
}

/** Reads base64 of 16 bits, signed, little endian. Incomplete frames are left out. */
export function decodeS16(base64: string, rate: number, channels: number): Pcm {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const frames = channels > 0 ? Math.floor(bytes.length / 2 / channels) : 0;
  const view = new DataView(bytes.buffer);
  const data = new Float32Array(frames * Math.max(channels, 0));
  for (let i = 0; i < data.length; i++) {
    data[i] = view.getInt16(2 * i, true) / 0x8000;
  }
  return { rate, channels, data };
}

/** Returns one channel. */
export function channel(pcm: Pcm, index: number): Float32Array {
  const frames = Math.floor(pcm.data.length / Math.max(1, pcm.channels));
  return Float32Array.from({ length: frames }, (_, i) => pcm.data[i * pcm.channels + index]!);
}

/** The least and the greatest sample of each of so many columns of a picture. */
export function envelope(samples: Float32Array, columns: number): { min: number; max: number }[] {
  return Array.from({ length: columns }, (_, i) => {
    const from = Math.floor((i * samples.length) / columns);
    const to = Math.max(from + 1, Math.floor(((i + 1) * samples.length) / columns));
    const part = samples.subarray(from, to);
    return part.length === 0 ? { min: 0, max: 0 } : { min: part.reduce((a, b) => Math.min(a, b)), max: part.reduce((a, b) => Math.max(a, b)) };
  });
}

/** Where a scope begins so that a tone stands still: the first rise through zero, in the first half. */
export function trigger(samples: Float32Array): number {
  for (let i = 1; i < samples.length / 2; i++) {
    if (samples[i - 1]! < 0 && samples[i]! >= 0) {
      return i;
    }
  }
  return 0;
}

/** A level in dBFS as part of a meter, from 0 at -60 dB to 1. */
export function meterPart(dB: number): number {
  return Math.min(1, Math.max(0, (dB + 60) / 60));
}

/**
 * Joins what is fetched now and then to a stream: from each piece it takes what comes after the last one. Positions count
 * frames; position is where the piece ends.
 */
export class Joiner {
  private end: number | undefined;
  missed = 0; // frames that were not in any piece

  /** Returns the new frames of a piece. */
  take(pcm: Pcm, position: number): Pcm {
    const frames = Math.floor(pcm.data.length / Math.max(1, pcm.channels));
    const start = position - frames;
    if (this.end === undefined || position < this.end) { // the beginning, or another machine
      this.end = position;
      return { ...pcm, data: new Float32Array(0) };
    }
    this.missed += Math.max(0, start - this.end);
    const from = Math.max(0, this.end - start);
    this.end = position;
    return { ...pcm, data: pcm.data.subarray(from * pcm.channels) };
  }

  /** How many seconds the next piece must have so that nothing is missed, with some to spare. */
  need(position: number, rate: number): number {
    const frames = this.end === undefined ? 0 : position - this.end;
    return Math.min(10, Math.max(0.1, frames / Math.max(1, rate) + 0.3));
  }
}
