import { GUEST_RULES } from './guest-rules.ts';
import type { CheckRule } from './rule.ts';
import { TREE_RULES } from './tree-rules.ts';

/** Every check by name, in the order in which they are asked; docs/check-rules.md is this table for people. */
export const CHECKS: ReadonlyMap<string, CheckRule> = new Map(
  [...TREE_RULES, ...GUEST_RULES].map((rule) => [rule.name, rule]),
);
