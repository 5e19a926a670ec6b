import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { createFrameCutter, encodeFrame, type Frame } from './frames.ts';
import { openTunnel } from './tunnel.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a write of nothing is no frame: the guest would take an empty one for the end', async () => {
  const [ours, theirs] = duplexPair();
  const heard: Frame[] = [];
  let broken = false;
  const cutter = createFrameCutter();
  theirs.on('data', (chunk: Buffer) => {
    const found = cutter.push(chunk);
    heard.push(...found.frames);
    broken ||= found.broken;
  });
  const tunnel = openTunnel(ours, {
    onStream: (stream) => {
      for (const text of ['', 'one', '']) stream.write(text);
      stream.end('');
    },
    onActivity: () => {},
    onForgery: (sentence) => expect.unreachable(sentence),
  });
  theirs.write(encodeFrame('open', 1));
  await settle();
  await settle();
  expect(broken).toBe(false);
  expect(heard.map(({ kind, payload }) => `${kind} ${Buffer.from(payload).toString()}`)).toEqual(['data one', 'end ']);
  tunnel.close();
});
