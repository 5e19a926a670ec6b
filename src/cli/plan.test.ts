import { expect, test } from 'vitest';
import type { Plan, PlanItem } from '../model/recipe.ts';
import { BOOKWORM } from '../plan/testing/recorded.ts';
import { formatPlan } from './plan.ts';

const item = (project: string, action: PlanItem['action'], ...needs: readonly string[]): PlanItem => ({
  project,
  version: '1.0',
  action,
  package: `python3-${project}`,
  sentence: `${project} it is.`,
  needs,
});

test('a plan for people is a tree, each thing told once', () => {
  const plan: Plan = {
    target: BOOKWORM,
    items: [item('six', 'official'), item('c', 'built', 'six'), item('b', 'build', 'c'), item('a', 'build', 'b', 'c')],
    heldBack: [{ version: '2.0', reason: 'was yanked' }],
    warnings: [],
    notes: ['A note.'],
  };
  expect(formatPlan(plan).split('\n')).toEqual([
    'to build  a it is.',
    'to build    b it is.',
    'built         c it is.',
    'official        six it is.',
    'built       c 1.0, see above',
    '          passed over 2.0: was yanked',
    'A note.',
  ]);
});
