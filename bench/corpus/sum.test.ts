import { describe, expect, test } from 'vitest';
import { compareCases, compareText } from './compare.ts';
import type { CaseEnd } from './layout.ts';
import { type CorpusCase, summariseCase } from './read.ts';
import { corpusFigures } from './report-figures.ts';
import { htmlReport } from './report-html.ts';
import { textReport } from './report-text.ts';
import type { PipResult } from './pip/result.ts';
import { sumUp } from './sum.ts';

const target = { suite: 'bookworm', architecture: 'amd64' } as const;
const end: CaseEnd = { status: 1, wallSeconds: 2.5, commit: 'abc1234' };
const at = '2026-01-01T00:00:00.000Z';

const attempt = (project: string, outcome: string, more: object = {}) =>
  JSON.stringify({
    event: 'attempt',
    at,
    project,
    version: '1.0',
    target: 'bookworm/amd64',
    outcome,
    sentence: `${project}: ${outcome}.`,
    timingsMs: { plan: 10, total: 20 },
    ...more,
  });
const read = (project: string, ...lines: readonly string[]) =>
  summariseCase({ project, stratum: 'top' }, target, lines.join('\n'), end);

describe('one case', () => {
  test('the last attempt of the project itself counts', () => {
    const found = read('a', attempt('a', 'infrastructure'), attempt('b', 'published'), attempt('a', 'published'));
    expect(found).toMatchObject({ project: 'a', version: '1.0', outcome: 'published', class: '', culprits: [] });
  });

  test('what failed of the closure is named, causes first, each by its last end', () => {
    const found = read(
      'a',
      attempt('c', 'unsatisfiable'),
      attempt('e', 'limit', { limit: 'time' }),
      attempt('e', 'published'),
      attempt('b', 'build-failed', { class: 'missing-header' }),
      attempt('a', 'unsatisfiable'),
    );
    expect(found.culprits.map(({ project, class: kind }) => [project, kind])).toEqual([
      ['b', 'missing-header'],
      ['c', ''],
    ]);
  });

  test('an attempt for another target says nothing', () => {
    expect(read('a', attempt('a', 'published', { target: 'trixie/amd64' }))).toMatchObject({
      outcome: 'infrastructure',
      class: 'no-attempt',
      sentence: 'rennet build ended with status 1 and no attempt.',
    });
  });

  test('without an attempt the error counts, as infrastructure', () => {
    const error = {
      event: 'error',
      at,
      code: 'mirror-failed',
      kind: 'infrastructure',
      sentence: 'No mirror.',
      hint: '',
    };
    expect(read('a', JSON.stringify(error), '{"event":"att')).toMatchObject({
      outcome: 'infrastructure',
      class: 'mirror-failed',
      sentence: 'No mirror.',
    });
  });

  test('the bound on time and what has not ended', () => {
    const listed = { project: 'a', stratum: 'top' };
    for (const lines of ['', attempt('a', 'cancelled')])
      expect(summariseCase(listed, target, lines, { status: 124, wallSeconds: 1200 })).toMatchObject({
        outcome: 'infrastructure',
        class: 'time-bound',
      });
    expect(summariseCase(listed, target, attempt('a', 'published'), undefined)).toMatchObject({ outcome: '' });
  });
});

const pip = (ok: boolean, failure?: PipResult['class']): PipResult => ({
  project: 'p',
  target: 'bookworm/amd64',
  ok,
  version: ok ? '1.0' : '',
  ...(failure === undefined ? {} : { class: failure }),
  lastLine: '',
  modules: [],
  wallSeconds: 1,
});
const withPip = (found: CorpusCase, result: PipResult): CorpusCase => ({ ...found, pip: result });
const guest = { driver: 'namespace', timingsMs: { build: 100, total: 300 } };

describe('the sum', () => {
  const cases = [
    withPip(read('published', attempt('published', 'published', guest)), pip(true)),
    withPip(read('official', attempt('official', 'skipped-official')), pip(false, 'build-failed')),
    withPip(read('no-source', attempt('no-source', 'no-source')), pip(true)),
    withPip(read('other-python', attempt('other-python', 'not-for-target')), pip(false, 'not-found')),
    withPip(
      read(
        'falls',
        attempt('cause', 'build-failed', { class: 'unknown', ...guest }),
        attempt('falls', 'unsatisfiable'),
      ),
      pip(true),
    ),
    withPip(read('only-rennet', attempt('only-rennet', 'published', guest)), pip(false, 'import-failed')),
    withPip(read('rejected', attempt('rejected', 'rejected', { rule: 'generic' })), pip(false, 'infrastructure')),
    summariseCase({ project: 'waits', stratum: 'tail' }, target, '', undefined),
  ];
  const summary = sumUp(cases, 'corpus.bookworm-amd64');

  test('success is over all that have a source and fit the target', () => {
    expect(summary).toMatchObject({ listed: 8, ended: 7, success: { count: 3, of: 5, percent: 60 } });
  });

  test('an unknown class of the cause counts, over all', () => {
    expect(summary.unknown).toEqual({ count: 1, of: 7, percent: 14.3 });
    expect(summary.classes).toEqual([
      { outcome: 'rejected', class: 'generic', count: 1 },
      { outcome: 'unsatisfiable', class: 'unknown', count: 1 },
    ]);
  });

  test('the rate that counts is over what is official or what pip manages', () => {
    expect(summary.reference).toEqual({
      asked: 6,
      pip: { count: 3, of: 6, percent: 50 },
      success: { count: 2, of: 4, percent: 50 },
      onlyPip: ['no-source', 'falls'],
      onlyRennet: ['official', 'only-rennet'],
    });
  });

  test('stages are timed over what a guest was started for', () => {
    expect(summary.stages.map(({ name, median, n }) => [name, median, n])).toEqual([
      ['corpus.bookworm-amd64.stage.build', 100, 3],
      ['corpus.bookworm-amd64.stage.total', 300, 3],
    ]);
  });

  test('figures', () => {
    const figures = corpusFigures({ target, summary, cases });
    expect(figures).toContainEqual({
      name: 'corpus.bookworm-amd64.success',
      unit: '%',
      median: 60,
      p95: 60,
      min: 60,
      max: 60,
      n: 5,
    });
    const names = figures.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(
        ['unknown', 'pip', 'success-of-pip', 'outcome.published', 'stratum.top.success'].map(
          (name) => `corpus.bookworm-amd64.${name}`,
        ),
      ),
    );
    // Nothing of this stratum has ended: there is no share to tell.
    expect(names.join('\n')).not.toContain('stratum.tail');
  });

  test('for people', () => {
    const text = textReport({ target, summary, cases });
    expect(text).toContain('bookworm/amd64: 7 of 8 projects have ended, Rennet abc1234');
    expect(text).toMatch(/^falls 1\.0: unsatisfiable\n.*\n {4}because of cause 1\.0: build-failed, unknown$/m);
    expect(text).toContain('pip manages and Rennet does not (2): no-source, falls');
  });
});

test('two runs are compared by outcome and class, where both have ended', () => {
  const here = [
    read('a', attempt('a', 'published')),
    read('b', attempt('b', 'build-failed', { class: 'killed' })),
    read('c', attempt('c', 'published')),
    summariseCase({ project: 'd', stratum: 'top' }, target, '', undefined),
  ];
  const there = ['a', 'b', 'd'].map((project) => read(project, attempt(project, 'published')));
  const found = compareCases(here, there);
  expect(found).toEqual({
    agreement: { count: 1, of: 2, percent: 50 },
    differing: [{ project: 'b', here: 'build-failed, killed', there: 'published' }],
  });
  expect(compareText(found, '/runs/qemu')).toContain('1 of the 2 projects');
});

test('nothing has ended: no division by nothing', () => {
  const cases = [summariseCase({ project: 'a', stratum: 'top' }, target, '', undefined)];
  const summary = sumUp(cases, 'x');
  expect(summary.success).toEqual({ count: 0, of: 0, percent: undefined });
  expect(corpusFigures({ target, summary, cases })).toEqual([]);
  expect(textReport({ target, summary, cases })).toContain('0 of 1 projects have ended');
});

test('the page shows hostile sentences as text', () => {
  const hostile = `<script>alert(1)</script><img src=x onerror='x'>" & \u202eend\u001b[2J`;
  const cases = [
    withPip(
      read(
        'a',
        attempt('b', 'build-failed', { sentence: hostile, version: hostile }),
        attempt('a', 'rejected', { rule: hostile, sentence: hostile }),
      ),
      { ...pip(false, 'build-failed'), lastLine: hostile },
    ),
  ];
  const page = htmlReport([{ target, cases, summary: sumUp(cases, 'x') }], hostile);
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;x&#39;&gt;&quot; &amp; end');
  expect(page).not.toMatch(/<script|<img|[\u202e\u001b]/);
  const tags = new Set([...page.matchAll(/<([a-z0-9]+)/g)].map(([, tag]) => tag));
  for (const tag of ['script', 'img', 'a', 'link', 'iframe']) expect(tags).not.toContain(tag);
});
