import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Refused } from '../admission.ts';
import { type Judgement, judge, refusal, ruleOf } from '../judge.ts';
import { readWheel } from '../reader/read-wheel.ts';
import { RECIPE } from '../../model/testing/curd.ts';
import { OFFICIAL } from '../testing/evidence.ts';
import type { HostileWheel } from '../testing/hostile-wheel.ts';
import { HOSTILE_WHEELS } from '../testing/hostile-wheels.ts';
import { distInfo, type Member, writeZip } from '../testing/wheel.ts';
import { RULES } from './table.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rules-'));
});
afterAll(() => rm(folder, { recursive: true }));

const HARMLESS: readonly Member[] = [{ name: 'curd/__init__.py', content: 'x = 1\n' }, ...distInfo()];

const TAKEN = [
  'taken',
  'taken/deep/x',
  '/usr/bin/taken',
  '/usr/share/applications/taken.desktop',
  '/usr/lib/python3/dist-packages/taken-stubs/__init__.pyi',
];

/** Reads within this process and judges: the process of its own has a test of its own. */
async function judged(wheel: Partial<HostileWheel>): Promise<Judgement | Refused> {
  const path = join(folder, `${Math.random()}.whl`);
  const recipe = { ...RECIPE, ...wheel.recipe };
  await writeZip(path, [...(wheel.bare ? [] : HARMLESS), ...(wheel.members ?? [])]);
  const report = await readWheel(path, async () => {});
  await rm(path);
  if ('refused' in report) return refusal({ recipe }, ruleOf(report.refused.rule), report.refused.detail, []);
  return judge({
    recipe,
    wheelName: wheel.wheelName ?? 'curd-1.0-py3-none-any.whl',
    facts: report,
    sharedLibraries: wheel.sharedLibraries ?? [],
    official: OFFICIAL,
    published: new Map(TAKEN.map((claim) => [claim, 'first-one'])),
  });
}

describe('the rules', () => {
  it('let a harmless wheel through', async () => {
    expect(await judged({})).toHaveProperty('kept');
  });

  it.each(HOSTILE_WHEELS.map((wheel) => [wheel.rule, wheel.trick, wheel] as const))(
    '%s: %s',
    async (name, _, wheel) => {
      const rule = ruleOf(name);
      const result = await judged(wheel);
      if ('admitted' in result) {
        expect(result).toMatchObject({ rule: name, outcome: rule.verdict === 'hold' ? 'held' : 'rejected' });
        expect(result.sentence).toMatch(/^curd 1\.0 is (?:held|rejected) by the rule [a-z-]+: .+; .+\.$/);
        expect(result.sentence).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      } else {
        expect(rule.verdict).toBe('drop');
        const dropped = result.ledger.filter(
          ({ fate, detail }) =>
            fate === (rule.replaced ? 'approximated' : 'left-out') && detail.startsWith(`${name}: `),
        );
        expect(dropped).not.toEqual([]);
        const kept = new Set(result.kept.map(({ file }) => file.name));
        for (const { fact } of dropped) expect(kept).not.toContain(fact);
      }
    },
  );

  it('each have a wheel that breaks them, or a test of the process that reads', () => {
    const tried = new Set([...HOSTILE_WHEELS.map(({ rule }) => rule), 'reading-limit']);
    expect([...RULES.keys()].filter((name) => !tried.has(name))).toEqual([]);
  });

  it('stand in the document, with their verdicts', async () => {
    const document = await readFile(new URL('../../../docs/admission-rules.md', import.meta.url), 'utf8');
    const rows = [...document.matchAll(/^\| `([a-z-]+)` \| (drop|reject|hold) \|/gm)].map(
      ([, name, verdict]) => `${name} ${verdict}`,
    );
    expect(rows).toEqual([...RULES.values()].map(({ name, verdict }) => `${name} ${verdict}`));
  });
});

describe('a private build', () => {
  it.each(
    HOSTILE_WHEELS.filter(({ rule }) => ruleOf(rule).names).map((wheel) => [wheel.rule, wheel.trick, wheel] as const),
  )('may break %s: %s', async (_, __, wheel) => {
    expect(await judged({ ...wheel, recipe: { ...wheel.recipe, forceOfficial: true } })).toHaveProperty('kept');
  });

  it('may break no rule on content', async () => {
    const pth = HOSTILE_WHEELS.find(({ rule }) => rule === 'pth-code');
    expect(await judged({ ...pth, recipe: { forceOfficial: true } })).toMatchObject({ rule: 'pth-code' });
  });
});

describe('the ledger', () => {
  it('says that the extras of a command are not required', async () => {
    const entryPoints = {
      name: 'curd-1.0.dist-info/entry_points.txt',
      content: '[gui_scripts]\ncurd = curd:main [x, y]\n',
    };
    const { ledger } = (await judged({ members: [entryPoints] })) as Judgement;
    expect(ledger).toContainEqual({
      kind: 'entry-point',
      fact: 'curd = curd:main',
      fate: 'approximated',
      detail: "/usr/bin/curd: what its extras 'x, y' bring is not required",
    });
  });

  it('has one line for every member and every entry point', async () => {
    const members = [
      {
        name: 'curd-1.0.dist-info/entry_points.txt',
        content: '[console_scripts]\ncurd = curd:main\n[curd.plugins]\na = curd:a\n',
      },
      { name: 'tests/x.py', content: '' },
      { name: 'curd/x.pyc', content: '' },
    ];
    const { ledger } = (await judged({ members })) as Judgement;
    const facts = ledger.map(({ kind, fact }) => `${kind} ${fact}`).toSorted();
    const files = [...HARMLESS, ...members].map(({ name }) => `file ${name}`);
    expect(facts).toEqual(
      ['entry-point a = curd:a [curd.plugins]', 'entry-point curd = curd:main', ...files].toSorted(),
    );
  });
});
