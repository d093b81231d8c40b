import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Poller } from '../../src/core/poller';

/** A poller whose questions are answered by hand. */
function rig(interval = 1000) {
  mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  let answer = () => {};
  const poller = new Poller(() => new Promise<void>((resolve) => {
    asked++;
    answer = resolve;
  }), () => interval);
  return {
    poller,
    asked: () => asked,
    answer: async () => {
      answer();
      await Promise.resolve(); // ask's promise
      await Promise.resolve(); // finally's
    },
    pass: (ms: number) => mock.timers.tick(ms),
    end: () => {
      poller.dispose();
      mock.timers.reset();
    },
  };
}

test('it asks at once when it goes live, then after each pause', async () => {
  const r = rig();
  r.poller.setLive(true);
  assert.equal(r.asked(), 1);
  await r.answer();
  r.pass(999);
  assert.equal(r.asked(), 1);
  r.pass(1);
  assert.equal(r.asked(), 2);
  r.end();
});

test('a question that takes long is not asked twice', async () => {
  const r = rig();
  r.poller.setLive(true);
  r.pass(10_000);
  assert.equal(r.asked(), 1);
  await r.answer();
  r.pass(1000);
  assert.equal(r.asked(), 2);
  r.end();
});

test('it is silent when nobody looks', async () => {
  const r = rig();
  r.poller.setLive(true);
  await r.answer();
  r.poller.setLive(false);
  r.pass(60_000);
  assert.equal(r.asked(), 1);
  r.end();
});

test('an answer that comes when nobody looks any more is the last', async () => {
  const r = rig();
  r.poller.setLive(true);
  r.poller.setLive(false);
  await r.answer();
  r.pass(60_000);
  assert.equal(r.asked(), 1);
  r.end();
});

test('kicks while a question is out ask once more, however many they are', async () => {
  const r = rig();
  r.poller.kick();
  r.poller.kick();
  r.poller.kick();
  assert.equal(r.asked(), 1);
  await r.answer();
  assert.equal(r.asked(), 2);
  await r.answer();
  r.pass(60_000);
  assert.equal(r.asked(), 2, 'it is not live');
  r.end();
});

test('a disposed one asks no more', async () => {
  const r = rig();
  r.poller.setLive(true);
  r.poller.kick();
  r.poller.dispose();
  await r.answer();
  r.pass(60_000);
  assert.equal(r.asked(), 1);
  r.end();
});
