import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuestJob, GuestReport } from '../../model/machine.ts';
import { createFakeDriver } from '../fake/fake-driver.ts';
import type { GuestSide } from '../fake/guest-side.ts';
import { bigFile, openThen, overrun } from '../testing/service-abuse.ts';
import { createServiceClient, type ServiceClient } from '../testing/service-client.ts';
import { encodeFrame, encodeWindow } from './frames.ts';
import { MAX_REFUSED, SERVICE_HOST } from './handler.ts';
import { MAX_OPEN, MAX_STREAMS, WINDOW_BYTES } from './tunnel.ts';

let folder = '';
let input = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-service-'));
  input = join(folder, 'in');
  await mkdir(join(input, 'source'), { recursive: true });
  await mkdir(join(input, 'layers/00-official/usr/bin'), { recursive: true });
  await writeFile(join(input, 'job.json'), '{"kind":"build"}');
  await writeFile(join(input, 'source/a b.tar.gz'), Buffer.alloc(3_000_000, 7));
  await writeFile(join(input, 'layers/00-official/usr/bin/tool'), 'x');
  await writeFile(join(folder, 'secret'), 'the host\n');
  await symlink(join(folder, 'secret'), join(input, 'source/link'));
});
afterEach(() => rm(folder, { recursive: true }));

const LIMITS = {
  wallMs: 20_000,
  idleMs: 15_000,
  memoryMiB: 64,
  cpus: 1,
  outputBytes: 5_000_000,
  logBytes: 1000,
  outputFiles: 3,
  processes: 10,
};

/** Runs one guest with a service and a life of its own after it was told to run. */
async function run(
  life: (client: ServiceClient, guest: GuestSide, token: string) => Promise<void>,
  more: Partial<GuestJob> = {},
): Promise<GuestReport> {
  let living: Promise<void> | undefined;
  const driver = createFakeDriver(() => async (guest) => {
    await guest.hello();
    await guest.ready();
    const token = guest.order()?.service?.token ?? '';
    living = life(createServiceClient(guest.service, token), guest, token);
    await living.catch(() => guest.powerOff());
  });
  const spool = await mkdtemp(join(folder, 'spool-'));
  const image = {} as GuestJob['image'];
  const job = { id: 'job-1', image, reset: 'overlay', input, spool, limits: LIMITS, channel: 'service' } as const;
  const report = await driver.run({ ...job, ...more }, new AbortController().signal);
  await living;
  return report;
}

/** Waits until the host has destroyed the guest. */
async function destroyed({ destroyed: end }: GuestSide): Promise<void> {
  if (!end.aborted) await once(end, 'abort');
}

describe('a job by the service channel', () => {
  test('is fetched, and its result taken in place of the output channel', async () => {
    const report = await run(async (client, guest) => {
      expect((await client.fetch('/job')).body.toString()).toBe('{"kind":"build"}');
      expect(JSON.parse((await client.fetch('/files')).body.toString())).toEqual({
        files: [
          { path: 'job.json', kind: 'file' },
          { path: 'layers/00-official', kind: 'tree' },
          { path: 'source/a b.tar.gz', kind: 'file' },
        ],
      });
      expect((await client.fetch('/source/a%20b.tar.gz')).body.equals(Buffer.alloc(3_000_000, 7))).toBe(true);
      const tree = await client.fetch('/layers/00-official');
      expect([tree.status, tree.body.includes('./usr/bin/tool')]).toEqual([200, true]);
      const body = Buffer.alloc(4_000_000, 9);
      expect((await client.fetch('/result', { method: 'PUT', body })).status).toBe(204);
      await guest.result({ bytes: body.length, sha512: createHash('sha512').update(body).digest('hex') });
    });
    expect(report.sentence).toBe('');
    expect(report).toMatchObject({ end: 'result', result: { status: 'ok' } });
    expect((await readFile(report.output)).equals(Buffer.alloc(4_000_000, 9))).toBe(true);
  });

  test('gives nothing but what is on its list', async () => {
    const paths = ['/secret', '/source/link', '/source', '/', '/source/../../secret', '//job', '/job/', '/job?x=1'];
    const escaped = ['/%2e%2e/secret', '/source/%2e%2e/job.json', '/source%2fa%20b.tar.gz'];
    const others = ['/JOB', '/layers/00-official/usr/bin/tool'];
    await run(async (client, guest) => {
      for (const path of [...paths, ...escaped, ...others])
        expect([path, (await client.fetch(path)).status]).toEqual([path, 404]);
      expect((await client.fetch(`http://${SERVICE_HOST}/job`)).status).toBe(404);
      guest.powerOff();
    });
  });

  test('answers only its own token, at its own name', async () => {
    await run(async (client, guest, token) => {
      const as = async (headers: Record<string, string>) => (await client.fetch('/job', { headers })).status;
      const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
      expect(await as({ authorization: `Bearer ${'0'.repeat(64)}` })).toBe(403);
      expect(await as({ authorization: '' })).toBe(403);
      expect(await as({ authorization: `bearer ${token}` })).toBe(403);
      expect(await as(basic(`rennet:${token}x`))).toBe(403);
      expect(await as({ host: 'localhost' })).toBe(403);
      expect(await as(basic(`rennet:${token}`))).toBe(200);
      // 403 tells nothing about paths.
      expect((await client.fetch('/nothing', { headers: { authorization: 'x' } })).status).toBe(403);
      guest.powerOff();
    });
  });

  test('gives an empty file as often as it is asked, and keeps none open', async () => {
    const empty = join(input, 'source/empty');
    await writeFile(empty, '');
    await run(async (client, guest) => {
      for (let turn = 0; turn < 5; turn += 1) expect((await client.fetch('/source/empty')).status).toBe(200);
      const links = (await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => ''));
      expect(await Promise.all(links)).not.toContain(empty);
      guest.powerOff();
    });
  });

  test("refuses another job's token while both jobs run, and goes on accepting its own", async () => {
    await run(async (one, guest, token) => {
      await run(async (another, otherGuest, otherToken) => {
        const ask = async (client: ServiceClient, shown: string) =>
          (await client.fetch('/job', { headers: { authorization: `Bearer ${shown}` } })).status;
        expect([await ask(one, otherToken), await ask(another, token)]).toEqual([403, 403]);
        expect([await ask(one, token), await ask(another, otherToken)]).toEqual([200, 200]);
        otherGuest.powerOff();
      });
      guest.powerOff();
    });
  });

  test('refuses other methods, bodies where none belongs, and a second result', async () => {
    await run(async (client, guest) => {
      const ask = async (path: string, method: string, body?: string, headers = {}) =>
        (await client.fetch(path, { method, headers, ...(body === undefined ? {} : { body }) })).status;
      expect(await ask('/job', 'POST', 'x')).toBe(405);
      expect(await ask('/job', 'DELETE')).toBe(405);
      expect(await ask('/job', 'HEAD')).toBe(405);
      expect(await ask('/job', 'GET', 'x', { 'content-length': '1' })).toBe(413);
      expect(await ask('/job', 'GET', 'x', { 'transfer-encoding': 'chunked' })).toBe(413);
      expect(await ask('/result', 'GET')).toBe(405);
      expect(await ask('/result', 'PUT', undefined, { 'content-length': '5000001' })).toBe(413);
      expect(await ask('/result', 'PUT', 'one')).toBe(204);
      expect(await ask('/result', 'PUT', 'two')).toBe(409);
      guest.powerOff();
    });
  });
});

describe('a guest that abuses its service', () => {
  test.each<[string, (client: ServiceClient, guest: GuestSide, token: string) => void, RegExp]>([
    ['bytes that are no frame', (client) => client.send(Buffer.from('GET / HTTP/1.1\r\n')), /no frame/],
    ['a stream out of its turn', (client) => client.send(encodeFrame('open', 2)), /turn/],
    [
      'a stream that was never opened',
      (client) => client.send(encodeFrame('data', 9, Buffer.from('x'))),
      /never opened/,
    ],
    ['more than the window', (client, _guest, token) => overrun(client, token), /more on a stream/],
    ['a window that never ends', (client) => openThen(client, encodeWindow(1, 4_000_000_000)), /window/],
    ['an end said twice', (client) => openThen(client, encodeFrame('end', 1), encodeFrame('end', 1)), /twice/],
    ['output beside it', (_, guest) => void guest.output(Buffer.from('x')), /beside the service/],
  ])('%s is a forgery', async (_, act, sentence) => {
    const report = await run(async (client, guest, token) => {
      act(client, guest, token);
      await destroyed(guest);
    });
    expect(report).toMatchObject({ end: 'forged', sentence: expect.stringMatching(sentence) });
  });

  test('one that uses it without having it, or before it may, has forged', async () => {
    const frames = async (client: ServiceClient, guest: GuestSide): Promise<void> => {
      client.send(encodeFrame('open', 1));
      await destroyed(guest);
    };
    expect(await run(frames, { channel: 'folder' })).toMatchObject({ end: 'forged' });
    const driver = createFakeDriver(() => async (guest) => {
      await guest.hello();
      guest.service.write(encodeFrame('open', 1));
    });
    const spool = await mkdtemp(join(folder, 'spool-'));
    const image = {} as GuestJob['image'];
    const job: GuestJob = { id: 'j', image, reset: 'overlay', input, spool, limits: LIMITS, channel: 'service' };
    expect(await driver.run(job, new AbortController().signal)).toMatchObject({ end: 'forged' });
  });

  test('10,000 streams: those beyond the bound are reset, and then it is over', async () => {
    const report = await run(async (client, guest) => {
      for (let number = 1; number <= 10_000 && !guest.destroyed.aborted; number += 1) {
        client.send(encodeFrame('open', number));
        if (number % 500 === 0) await new Promise(setImmediate);
      }
      await destroyed(guest);
      const resets = client.heard.filter(({ kind }) => kind === 'reset').length;
      expect(resets).toBeGreaterThanOrEqual(MAX_STREAMS - MAX_OPEN);
    });
    expect(report).toMatchObject({ end: 'forged', sentence: expect.stringMatching(/4096 streams/) });
  });

  test('refused requests without end are an attack', async () => {
    const report = await run(async (client, guest) => {
      for (let count = 0; count < MAX_REFUSED + 10 && !guest.destroyed.aborted; count += 1)
        await Promise.race([client.fetch('/nothing'), destroyed(guest)]);
    });
    expect(report).toMatchObject({ end: 'forged', sentence: expect.stringMatching(/refused/) });
  });

  test('a result larger than allowed ends at the limit of output', async () => {
    const report = await run(async (client, guest, token) => {
      const stream = client.connect();
      const head = `PUT /result HTTP/1.1\r\nHost: ${SERVICE_HOST}\r\nTransfer-Encoding: chunked\r\n`;
      stream.write(head + `Authorization: Bearer ${token}\r\n\r\n`);
      stream.resume();
      for (let count = 0; count < 100 && !guest.destroyed.aborted; count += 1) {
        const chunk = Buffer.concat([Buffer.from('186a0\r\n'), Buffer.alloc(100_000), Buffer.from('\r\n')]);
        if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), destroyed(guest)]);
      }
      await destroyed(guest);
    });
    expect(report).toMatchObject({ end: 'limit', limit: 'output' });
  });

  test('one that never reads holds a window of bytes here, no more, and other streams go on', async () => {
    await run(async (client, guest, token) => {
      const deaf = client.connect();
      deaf.write(bigFile(token).repeat(10));
      for (let turn = 0; turn < 5; turn += 1) expect((await client.fetch('/job')).status).toBe(200);
      const bytes = client.heard
        .filter(({ kind, stream }) => kind === 'data' && stream === 1)
        .reduce((sum, { payload }) => sum + payload.length, 0);
      expect(bytes).toBe(WINDOW_BYTES);
      guest.powerOff();
    });
  });

  test.each([
    ['headers without end', `GET /job HTTP/1.1\r\n${'X: y\r\n'.repeat(5000)}`],
    ['one header without end', `GET /job HTTP/1.1\r\nX: ${'y'.repeat(20_000)}`],
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00'],
    ['two lengths', 'PUT /result HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
    [
      'length and chunks',
      'PUT /result HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['CONNECT', 'CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n'],
  ])('%s end the stream', async (_, text) => {
    await run(async (client, guest) => {
      const stream = client.connect();
      stream.write(text);
      const answer = (await buffer(stream).catch(() => Buffer.alloc(0))).toString();
      expect(answer).not.toMatch(/^HTTP\/1.1 2/);
      expect((await client.fetch('/job')).status).toBe(200);
      guest.powerOff();
    });
  });

  test('whatever bytes it writes, the guest ends in one way and the host stays whole', async () => {
    const noise = fc.array(fc.oneof(fc.uint8Array({ maxLength: 200 }), frame()), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(noise, async (list) => {
        const report = await run(async (client, guest) => {
          for (const bytes of list) client.send(bytes);
          await new Promise(setImmediate);
          guest.powerOff();
        });
        expect(['power-off', 'forged']).toContain(report.end);
      }),
      { numRuns: 60 },
    );
  });
});

const frame = (): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      fc.constantFrom('open' as const, 'data' as const, 'end' as const, 'reset' as const),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom('GET /job HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n', 'PUT /result HTTP/1.1\r\n', 'x'),
    )
    .map(([kind, stream, text]) => encodeFrame(kind, stream, kind === 'data' ? Buffer.from(text) : Buffer.alloc(0)));
