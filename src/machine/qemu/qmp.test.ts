import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openQmp, parseQmpLine } from './qmp.ts';

/** The other end of a talk: takes what is written, says what the test wants. */
function fakeQemu(): { stream: Duplex; said: unknown[]; say: (bytes: string | Uint8Array) => void; end: () => void } {
  const said: unknown[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n')) said.push(JSON.parse(line));
      done();
    },
  });
  return { stream, said, say: (bytes) => stream.push(Buffer.from(bytes)), end: () => stream.push(null) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('QMP', () => {
  test('answers find their commands, whatever comes between and however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (size) => {
        const { stream, said, say } = fakeQemu();
        const qmp = openQmp(stream);
        const status = qmp.execute('query-status');
        const hello = [{ QMP: { version: {}, capabilities: [] } }, { return: {}, id: 1 }];
        const answers = [
          { event: 'STOP', timestamp: {} },
          { return: { stray: true }, id: 77 },
          { return: { status: 'running' }, id: 2 },
        ];
        for (const messages of [hello, answers]) {
          const text = messages.map((it) => `${JSON.stringify(it)}\r\n`).join('');
          for (let at = 0; at < text.length; at += size) say(text.slice(at, at + size));
          await turn();
        }
        expect(await status).toEqual({ status: 'running' });
        expect(said).toEqual([
          { execute: 'qmp_capabilities', arguments: {}, id: 1 },
          { execute: 'query-status', arguments: {}, id: 2 },
        ]);
      }),
      { numRuns: 40 },
    );
  });

  test('a refusal names the reason', async () => {
    const { stream, say } = fakeQemu();
    const qmp = openQmp(stream);
    const asked = qmp.execute('migrate');
    asked.catch(() => {});
    say('{"return":{},"id":1}\n');
    await turn();
    say('{"error":{"class":"GenericError","desc":"no such file"},"id":2}\n');
    await expect(asked).rejects.toMatchObject({
      code: 'boot-failed',
      message: expect.stringContaining('no such file'),
    });
  });

  test.each([
    ['a line that is not JSON', 'hello\n'],
    ['a message that is not QMP', '{"banana":1}\n'],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22, 0x0a)],
    ['an endless line', 'x'.repeat(2_000_000)],
  ])('%s ends the talk', async (_, bytes) => {
    const { stream, say } = fakeQemu();
    const qmp = openQmp(stream);
    const asked = qmp.execute('query-status');
    asked.catch(() => {});
    say(bytes);
    await expect(asked).rejects.toMatchObject({ code: 'boot-failed' });
    await expect(qmp.execute('quit')).rejects.toMatchObject({ code: 'boot-failed' });
  });

  test('the end of QEMU ends what waits for it', async () => {
    const { stream, say, end } = fakeQemu();
    const qmp = openQmp(stream);
    const asked = qmp.execute('quit');
    asked.catch(() => {});
    say('{"return":{},"id":1}\n{"ret');
    end();
    await expect(asked).rejects.toMatchObject({ code: 'boot-failed' });
  });

  test('no bytes make the parser throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const parsed = parseQmpLine(bytes);
        expect(parsed === undefined || typeof parsed === 'object').toBe(true);
      }),
    );
  });
});
