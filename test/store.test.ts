import { once } from 'node:events';
import pg from 'pg';
import { expect, test } from 'vitest';
import { stopDatabase } from '../src/store/database-stop.ts';
import { databaseAddress } from '../src/store/database-url.ts';
import { openStore } from '../src/store/store.ts';
import { freshState, kill, open, other, record, signal, start, target } from './fixtures/stores.ts';

const shared = freshState();

test('an attempt keeps all that it is given, and ends once', async () => {
  const store = await open(await shared);
  const id = await store.beginAttempt({ ...start, driver: 'qemu', reset: 'memory' });
  expect(await store.attempt(id)).toMatchObject({ ...start, driver: 'qemu', sentence: '', timingsMs: {} });
  expect((await store.attempt(id))?.outcome).toBeUndefined();
  expect(await store.lastAttempt('ftfy', target)).toBeUndefined();
  const ending = {
    outcome: 'rejected',
    sentence: 'The wheel holds a module of the standard library.',
    rule: 'stdlib-module',
    reset: 'overlay',
    isolation: 'emulated',
    logLine: 'x\u001b[31m "ä" \\u0000',
    timingsMs: { plan: 1.5, total: 2 },
    evidence: { someFact: [1, { deepFact: null }] },
    provenance: { source: { sha256: 'ab' } },
    ledger: [
      { kind: 'file', fact: 'b', fate: 'left-out', detail: '' },
      { kind: 'extra', fact: 'a', fate: 'translated', detail: 'Suggests' },
    ],
  } as const;
  await store.endAttempt(id, ending);
  const ended = await store.attempt(id);
  expect(ended).toMatchObject({ id, ...start, driver: 'qemu', ...ending });
  expect(Date.parse(ended?.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(ended?.startedAt ?? ''));
  expect(await store.lastAttempt('ftfy', target)).toEqual(ended);

  await expect(store.endAttempt(id, { outcome: 'published', sentence: '' })).rejects.toMatchObject({
    code: 'attempt-ended',
  });
  await expect(store.endAttempt('anone', ending)).rejects.toMatchObject({ code: 'unknown-attempt' });
  const next = await store.beginAttempt(start);
  const ends = await Promise.allSettled(
    Array.from({ length: 5 }, () => store.endAttempt(next, { outcome: 'kept', sentence: 'y' })),
  );
  expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1);
  expect(await store.attempt(id)).toEqual(ended);
  expect((await store.attempts({ project: 'ftfy', outcome: 'kept' })).map((attempt) => attempt.id)).toEqual([next]);
  expect((await store.attempts({ target, limit: 1 })).map((attempt) => attempt.id)).toEqual([next]);
  expect(await store.attempts({ target: { suite: 'trixie', architecture: 'amd64' } })).toEqual([]);
});

test('a long and hostile ledger is kept', async () => {
  const store = await open(await shared);
  const id = await store.beginAttempt(start);
  const ledger = Array.from({ length: 50_000 }, (_, line) => ({
    kind: 'file' as const,
    fact: `a\0\ud800 ${line}`,
    fate: 'left-out' as const,
    detail: "'); drop table ledger; --",
  }));
  await store.endAttempt(id, { outcome: 'rejected', sentence: 'x\0', ledger, evidence: { 'k\0': '\udfff' } });
  const attempt = await store.attempt(id);
  expect(attempt).toMatchObject({ sentence: 'x\ufffd', evidence: { 'k\ufffd': '\ufffd' } });
  expect(attempt?.ledger).toHaveLength(50_000);
  expect(attempt?.ledger.at(-1)).toEqual({ ...ledger.at(-1), fact: 'a\ufffd\ufffd 49999' });
});

test('a database that a newer Rennet has changed is refused', async () => {
  const state = await freshState();
  await (await open(state)).close();
  const client = new pg.Client((await databaseAddress(state)).config);
  await client.connect();
  await client.query(`insert into kysely_migration values ('999-later', '')`);
  await expect(openStore(state, signal)).rejects.toMatchObject({ code: 'state-newer' });
  await client.query(`delete from kysely_migration where name = '999-later'`);
  await client.end();
  await open(state);
});

test('a package keeps its bytes; other bytes get the next build number', async () => {
  const store = await open(await freshState());
  expect(await store.nextBuild('bookworm', 'python3-ftfy', '6.3.1', 'all')).toBe(1);
  const first = await record(store, 'one');
  expect(await store.recordPackage(first)).toEqual({ recorded: 'new' });
  expect(await store.recordPackage(first)).toEqual({ recorded: 'same' });
  const second = await record(store, 'two');
  expect(await store.recordPackage(second)).toEqual({ recorded: 'refused', nextBuild: 2 });
  const racers = await Promise.all(['three', 'four', 'five'].map((text) => record(store, text, { build: 2 })));
  const results = await Promise.all(racers.map((racer) => store.recordPackage(racer)));
  expect(results.filter(({ recorded }) => recorded === 'new')).toHaveLength(1);
  expect(results.filter(({ recorded }) => recorded === 'refused')).toHaveLength(2);
  expect(await store.nextBuild('bookworm', 'python3-ftfy', '6.3.1', 'amd64')).toBe(2);
  expect(await store.nextBuild('trixie', 'python3-ftfy', '6.3.1', 'amd64')).toBe(1);
  const missing = { ...first, build: 9, version: '9', sha256: 'f'.repeat(64) };
  await expect(store.recordPackage(missing)).rejects.toMatchObject({ code: 'defect' });
});

test('what was recorded and not published is found again', async () => {
  const state = await freshState();
  const store = await open(state);
  const first = await record(store, 'one');
  await store.recordPackage(first);
  const content = await store.publishedRows('bookworm');
  expect(content).toMatchObject({ generation: 0, rows: [{ package: 'python3-ftfy', sha256: first.sha256, bytes: 3 }] });
  expect((await open(state)).recovery.unpublishedSuites).toEqual(['bookworm']);

  // Recorded while the first was being published: not in that index.
  await store.recordPackage(
    await record(store, 'mmh3', { package: 'python3-mmh3', project: 'mmh3', claims: ['mmh3'] }),
  );
  expect(await store.markPublished('bookworm', content.change)).toBe(1);
  expect((await open(state)).recovery.unpublishedSuites).toEqual(['bookworm']);
  const both = await store.publishedRows('bookworm');
  expect(both.rows.map((row) => [row.package, row.publishedAt !== undefined])).toEqual([
    ['python3-ftfy', true],
    ['python3-mmh3', false],
  ]);
  expect(await store.markPublished('bookworm', both.change)).toBe(2);
  await store.recordPackage(first);
  expect((await open(state)).recovery.unpublishedSuites).toEqual([]);

  expect(await store.otherOwners(['ftfy'], '')).toEqual(new Map([['ftfy', 'ftfy']]));
  expect(await store.removePackages(['python3-ftfy', 'python3-none'], 'bookworm')).toEqual(['python3-ftfy']);
  expect(await store.removePackages(['python3-ftfy'], 'bookworm')).toEqual([]);
  expect(await store.otherOwners(['ftfy'], '')).toEqual(new Map());
  expect(await store.otherOwners(['mmh3'], '')).toEqual(new Map([['mmh3', 'mmh3']]));
  expect((await open(state)).recovery.unpublishedSuites).toEqual(['bookworm']);
  expect((await store.publishedRows('bookworm')).rows).toHaveLength(1);
  expect(await store.suites()).toEqual(['bookworm']);

  // Removed is not forgotten: other bytes stay refused, the same ones come back.
  expect(await store.recordPackage(await record(store, 'two'))).toEqual({ recorded: 'refused', nextBuild: 2 });
  expect(await store.recordPackage(first)).toEqual({ recorded: 'new' });
  expect((await store.publishedRows('bookworm')).rows).toHaveLength(2);
  const thief = await record(store, 'thief', {
    package: 'python3-thief',
    project: 'thief',
    claims: ['ftfy', 'thief'],
  });
  expect(await store.recordPackage(thief)).toEqual({ recorded: 'held', claim: 'ftfy', owner: 'ftfy' });
  expect(await store.otherOwners(['thief'], '')).toEqual(new Map());
  expect((await store.publishedRows('bookworm')).rows).toHaveLength(2);
  expect(await store.otherOwners(['ftfy'], '')).toEqual(new Map([['ftfy', 'ftfy']]));
});

test('a claim of another project holds a package, whichever lies above the other', async () => {
  const store = await open(await freshState());
  const of = (project: string, ...claims: string[]) =>
    record(store, project, { package: `python3-${project}`, project, claims });
  await store.recordPackage(await of('tools', 'acme/tools', 'brick', 'acm0', '/usr/bin/tool'));
  expect(
    await store.otherOwners(
      ['acme', 'acme/tools/x', 'acme/other', 'ac', 'brick/x', '/usr/bin/tool', '/usr/bin/to'],
      'late',
    ),
  ).toEqual(
    new Map([
      ['acme', 'tools'],
      ['acme/tools/x', 'tools'],
      ['brick/x', 'tools'],
      ['/usr/bin/tool', 'tools'],
    ]),
  );
  expect(await store.otherOwners(['acme', 'brick'], 'tools')).toEqual(new Map());
  expect(await store.recordPackage(await of('late', 'acme'))).toMatchObject({ recorded: 'held', owner: 'tools' });
  expect(await store.recordPackage(await of('late', 'acme/other'))).toEqual({ recorded: 'new' });

  // Built at once, for two suites: exactly one of them is first.
  const pair = [await of('above', 'fresh'), { ...(await of('below', 'fresh/deep')), suite: 'trixie' }];
  const results = await Promise.all(pair.map((row) => store.recordPackage(row)));
  expect(results.map(({ recorded }) => recorded).toSorted()).toEqual(['held', 'new']);
  const rows = [...(await store.publishedRows('bookworm')).rows, ...(await store.publishedRows('trixie')).rows];
  expect(rows).toHaveLength(3);
});

test('only an attempt that failed for the host’s sake is amended to published, once', async () => {
  const store = await open(await shared);
  const amendment = { sentence: 'p', package: 'python3-ftfy', packageVersion: '6', deb: 'ab', file: '/pool/x.deb' };
  const ended = async (outcome: 'infrastructure' | 'cancelled' | 'rejected') => {
    const id = await store.beginAttempt(start);
    await store.endAttempt(id, { outcome, sentence: 'z', evidence: { interrupted: true } });
    return id;
  };
  const failed = await ended('infrastructure');
  expect(await store.amendPublished(failed, amendment)).toBe(true);
  const { file, ...columns } = amendment;
  const amended = { ...columns, outcome: 'published', evidence: { interrupted: true, file } };
  expect(await store.attempt(failed)).toMatchObject(amended);
  expect(await store.amendPublished(failed, { ...amendment, sentence: 'again' })).toBe(false);
  expect(await store.attempt(failed)).toMatchObject(amended);
  const others = [await ended('cancelled'), await ended('rejected'), await store.beginAttempt(start)];
  for (const id of others) {
    const before = await store.attempt(id);
    expect(await store.amendPublished(id, amendment)).toBe(false);
    expect(await store.attempt(id)).toEqual(before);
  }
});

test('a build lock is waited for, and free when its holder is killed', async () => {
  const state = await shared;
  const store = await open(state);
  const holder = await other('lock', state);
  const waits: string[] = [];
  const abort = new AbortController();
  const cancelled = store.withBuildLock(
    'ftfy',
    target,
    (text) => {
      waits.push(text);
      abort.abort(new Error('^C'));
    },
    async () => 1,
    abort.signal,
  );
  await expect(cancelled).rejects.toThrow('^C');
  expect(waits).toEqual([
    `Another Rennet (process ${holder.child.pid}) builds ftfy for bookworm/amd64; waiting for it.`,
  ]);
  expect(
    await store.withBuildLock(
      'six',
      target,
      () => waits.push('six'),
      async () => 'free',
      signal,
    ),
  ).toBe('free');
  const waiting = store.withBuildLock(
    'ftfy',
    target,
    () => void kill(holder.child),
    async () => 'mine',
    signal,
  );
  expect(await waiting).toBe('mine');
  expect(waits).toHaveLength(1);
});

test('publishing a suite is one at a time; a lost lock aborts', async () => {
  const state = await shared;
  const store = await open(state);
  let inside = 0;
  const order = await Promise.all(
    [1, 2, 3].map((number) =>
      store.withPublishLock(
        'bookworm',
        () => {},
        async () => {
          inside += 1;
          expect(inside).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 30));
          inside -= 1;
          return number;
        },
        signal,
      ),
    ),
  );
  expect(order).toEqual([1, 2, 3]);
  const lost = store.withPublishLock(
    'bookworm',
    () => {},
    async (inner) => {
      await stopDatabase(state, signal);
      if (!inner.aborted) await once(inner, 'abort');
      inner.throwIfAborted();
    },
    signal,
  );
  await expect(lost).rejects.toMatchObject({ code: 'database-failed' });
});
