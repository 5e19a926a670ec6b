import { duplexPair, type Duplex } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createFrameCutter, encodeFrame, encodeWindow, type Frame } from './frames.ts';
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

test('bytes that nobody reads, one a frame between frames of nothing, keep no others alive here', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const [ours, theirs] = duplexPair();
  const streams: Duplex[] = [];
  const tunnel = openTunnel(ours, {
    onStream: (stream) => void streams.push(stream),
    onActivity: () => {},
    onForgery: (sentence) => expect.unreachable(sentence),
  });
  theirs.resume();
  theirs.write(encodeFrame('open', 1));
  const filler = Buffer.concat(Array.from({ length: 5000 }, () => encodeWindow(1, 0)));
  const sent = Array.from({ length: 600 }, (_, number) => number % 251);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (const byte of sent) {
    theirs.write(Buffer.concat([encodeFrame('data', 1, Buffer.of(byte)), filler]));
    await settle();
  }
  theirs.write(encodeFrame('end', 1));
  await settle();
  collect();
  // The chunks that brought them: 36 MB.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
  const [stream] = streams;
  const read: number[] = [];
  for await (const chunk of stream ?? []) read.push(...(chunk as Buffer));
  expect(read).toEqual(sent);
  tunnel.close();
});
