import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channel, decodeS16, envelope, Joiner, meterPart, trigger } from '../../src/core/pcm';

const encode = (...samples: number[]) => Buffer.from(Int16Array.from(samples).buffer).toString('base64');
const mono = (...data: number[]) => ({ rate: 1000, channels: 1, data: Float32Array.from(data) });

test('samples are read bit by bit', () => {
  const pcm = decodeS16(encode(0, 16384, -32768, 32767), 48000, 2);
  assert.deepEqual([...pcm.data], [0, 0.5, -1, 32767 / 32768]);
  assert.deepEqual([...channel(pcm, 1)], [0.5, 32767 / 32768]);
});

test('incomplete frames, and streams that have no format yet, are no samples', () => {
  assert.equal(decodeS16(encode(1, 2, 3), 48000, 2).data.length, 2);
  assert.equal(decodeS16('', 0, 0).data.length, 0);
});

test('an envelope has the least and the greatest of each column', () => {
  assert.deepEqual(envelope(Float32Array.from([0, 1, -1, 0.5]), 2), [{ min: 0, max: 1 }, { min: -1, max: 0.5 }]);
  assert.equal(envelope(Float32Array.from([0.25]), 3).length, 3);
  assert.deepEqual(envelope(new Float32Array(0), 1), [{ min: 0, max: 0 }]);
});

test('the scope begins where the wave rises through zero', () => {
  assert.equal(trigger(Float32Array.from([0.5, -0.5, -0.1, 0.2, 0.5, 0, 0, 0])), 3);
  assert.equal(trigger(new Float32Array(8)), 0);
});

test('meters begin at -60 dB', () => {
  assert.deepEqual([-120, -60, -30, 0, 3].map(meterPart), [0, 0, 0.5, 1, 1]);
});

test('pieces that overlap are joined without a hole or a repetition', () => {
  const j = new Joiner();
  assert.equal(j.take(mono(1, 2, 3), 3).data.length, 0, 'the first tells where it begins');
  assert.deepEqual([...j.take(mono(2, 3, 4, 5), 5).data], [4, 5]);
  assert.deepEqual([...j.take(mono(4, 5), 5).data], []);
  assert.deepEqual([...j.take(mono(6, 7), 7).data], [6, 7]);
  assert.equal(j.missed, 0);
});

test('what was missed is counted', () => {
  const j = new Joiner();
  j.take(mono(1), 1);
  assert.deepEqual([...j.take(mono(5, 6), 6).data], [5, 6]);
  assert.equal(j.missed, 3);
});

test('channels stay together', () => {
  const j = new Joiner();
  const stereo = (...data: number[]) => ({ rate: 1000, channels: 2, data: Float32Array.from(data) });
  j.take(stereo(1, -1), 1);
  assert.deepEqual([...j.take(stereo(1, -1, 2, -2), 2).data], [2, -2]);
});

test('another machine begins anew', () => {
  const j = new Joiner();
  j.take(mono(1, 2, 3), 1000);
  assert.equal(j.take(mono(1), 1).data.length, 0);
  assert.deepEqual([...j.take(mono(1, 2), 2).data], [2]);
});

test('it fetches what has been played since, with some to spare', () => {
  const j = new Joiner();
  assert.equal(j.need(48000, 48000), 0.3);
  j.take(mono(0), 48000);
  assert.equal(j.need(96000, 48000), 1.3);
  assert.equal(j.need(9e9, 48000), 10);
});
