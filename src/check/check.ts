import { runStageGuest } from '../machine/stage-guest.ts';
import { outcomeOfEnd } from '../model/guest-end.ts';
import type { GuestPorts } from '../model/guest-ports.ts';
import { AttemptEnd, type LedgerLine } from '../model/outcome.ts';
import { type CheckFacts, factsSchema } from './facts.ts';
import { GUEST_RULES } from './rules/guest-rules.ts';
import type { CheckedTree, CheckRule, Findings } from './rules/rule.ts';
import { TREE_RULES } from './rules/tree-rules.ts';

/** What a package has shown. */
export interface Verdict {
  /** Names of the rules that it passed. */
  readonly passed: readonly string[];
  readonly notes: readonly string[];
  readonly ledger: readonly LedgerLine[];
}

/** Asks the rules that need no guest. Ends the attempt (AttemptEnd) with the first that finds a defect. Pure. */
export function checkTree(tree: CheckedTree): Verdict {
  return ask(TREE_RULES, (rule) => rule.look(tree));
}

/** Asks the rules on what a guest has found out. Ends the attempt (AttemptEnd) with the first that finds a defect. Pure. */
export function judgeFacts(facts: CheckFacts, tree: CheckedTree): Verdict {
  return ask(GUEST_RULES, (rule) => rule.look(facts, tree));
}

function ask<Rule extends CheckRule>(rules: readonly Rule[], look: (rule: Rule) => Findings): Verdict {
  const notes: string[] = [];
  const ledger: LedgerLine[] = [];
  for (const rule of rules) {
    const found = look(rule);
    notes.push(...(found.notes ?? []));
    ledger.push(...(found.ledger ?? []));
    if (found.defect === undefined) continue;
    const outcome = { kind: 'check-failed', rule: rule.name, class: rule.class, sentence: found.defect } as const;
    throw new AttemptEnd(outcome, ledger);
  }
  return { passed: rules.map(({ name }) => name), notes, ledger };
}

/**
 * Runs a fresh guest that has only what the package declares: it installs the package, imports every module, asks
 * importlib.metadata and starts every command. Gives what the guest reports, unjudged. Ends the attempt (AttemptEnd) where the
 * guest gives no answer.
 */
export async function check(
  attempt: string,
  input: string,
  name: string,
  ports: GuestPorts,
  signal: AbortSignal,
): Promise<CheckFacts> {
  ports.progress({ doing: `checking ${name} in a second fresh guest` });
  const report = await runStageGuest(`${attempt}-check`, input, ports, signal);
  if (report.end !== 'result') throw new AttemptEnd(outcomeOfEnd(report, 'check'));
  const facts = factsSchema.safeParse(report.result?.facts);
  if (report.result?.status === 'ok' && facts.success) return facts.data;
  throw new AttemptEnd({
    kind: 'check-failed',
    class: 'unknown',
    sentence: `The check of ${name} ended without the agreed answer.`,
  });
}
