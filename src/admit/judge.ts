import type { LedgerLine } from '../model/outcome.ts';
import type { ScriptEntryPoint } from '../python/entry-points.ts';
import { quoted } from '../model/text.ts';
import type { Refused } from './admission.ts';
import { placeFile } from './place.ts';
import { shapeOf } from './shape.ts';
import { CONTENT_RULES } from './rules/content-rules.ts';
import { NAME_RULES } from './rules/name-rules.ts';
import type { FileRule, Placed, Rule, RuleContext } from './rules/rule.ts';
import { SCRIPT_RULES } from './rules/script-rules.ts';
import { RULES } from './rules/table.ts';
import { TREE_RULES } from './rules/tree-rules.ts';
import { WHEEL_RULES } from './rules/wheel-rules.ts';

/** A file that stays; launchers have the entry point that they call. */
export interface Kept extends Placed {
  readonly launcher?: ScriptEntryPoint;
}

export interface Judgement {
  readonly kept: readonly Kept[];
  readonly ledger: readonly LedgerLine[];
}

/** In the order in which they are asked; names first, because what is dropped for its place rejects nothing by its content. */
const FILE_RULES: readonly FileRule[] = [...NAME_RULES, ...CONTENT_RULES, ...SCRIPT_RULES];

/** A private build of an official project breaks the rules on names by its very purpose. */
function inForce(rule: Rule, { recipe }: RuleContext): boolean {
  return !(rule.names && recipe.forceOfficial);
}

/** Asks every rule about a wheel. Pure: all facts are in the context. */
export function judge(asked: Omit<RuleContext, 'shape'>): Judgement | Refused {
  const context = { ...asked, shape: shapeOf(asked.facts, asked.recipe, asked.official) };
  const ledger: LedgerLine[] = [];
  const refuse = (rule: Rule, detail: string) =>
    refusal(context, rule, detail.replaceAll(quoted(ENTRY_POINT).slice(1, -1), ''), ledger);

  for (const rule of WHEEL_RULES.filter((each) => inForce(each, context))) {
    const detail = rule.finds(context);
    if (detail !== undefined) return refuse(rule, detail);
  }

  const kept: Kept[] = launchers(context, ledger);
  for (const file of context.facts.files) {
    const place = placeFile(file.name, context);
    if ('kind' in place) {
      kept.push({ ...place, file });
      continue;
    }
    const rule = ruleOf(place.rule);
    if (rule.verdict !== 'drop') return refuse(rule, place.detail);
    ledger.push(leftOut(rule, file.name, place.detail));
  }

  const staying: Kept[] = [];
  const rules = FILE_RULES.filter((each) => inForce(each, context));
  for (const placed of kept) {
    const [rule, detail] = firstFinding(rules, placed, context);
    if (rule && rule.verdict !== 'drop') return refuse(rule, detail);
    if (rule) ledger.push(leftOut(rule, placed.file.name, detail));
    else staying.push(placed);
  }
  return judgeTree(staying, context, ledger, refuse);
}

/** The verdict for a rule that the reading process applied. */
export function refusal(
  { recipe }: Pick<RuleContext, 'recipe'>,
  rule: Rule,
  detail: string,
  ledger: readonly LedgerLine[],
): Refused {
  const held = rule.verdict === 'hold';
  return {
    admitted: false,
    outcome: held ? 'held' : 'rejected',
    rule: rule.name,
    sentence: `${recipe.project} ${recipe.version} is ${held ? 'held' : 'rejected'} by the rule ${rule.name}: ${detail}; ${rule.why}.`,
    ledger: [...ledger],
  };
}

/** A rule by its name; a name that is not in the table is a defect of Rennet. */
export function ruleOf(name: string): Rule {
  const rule = RULES.get(name);
  if (!rule) throw new Error(`no admission rule ${name}`);
  return rule;
}

function judgeTree(
  placed: readonly Kept[],
  context: RuleContext,
  ledger: LedgerLine[],
  refuse: (rule: Rule, detail: string) => Refused,
): Judgement | Refused {
  let staying = placed;
  for (const rule of TREE_RULES.filter((each) => inForce(each, context))) {
    const found = rule.finds(staying, context);
    const first = found[0];
    if (first && rule.verdict !== 'drop') return refuse(rule, first.detail);
    // Not by name: the same line may stand in two groups of entry points, and one of the two stays.
    const dropped = new Map(found.map((finding) => [finding.placed, finding.detail]));
    for (const [one, detail] of dropped) if (one) ledger.push(leftOut(rule, one.file.name, detail));
    staying = staying.filter((one) => !dropped.has(one));
  }
  for (const { file, path, note } of staying)
    ledger.push({
      kind: file.name.startsWith(ENTRY_POINT) ? 'entry-point' : 'file',
      fact: file.name.replace(ENTRY_POINT, ''),
      fate: note === undefined ? 'translated' : 'approximated',
      detail: note === undefined ? path : `${path}: ${note}`,
    });
  return { kept: staying, ledger };
}

/** Marks the made-up members that stand for launchers; no archive member can have such a name. */
const ENTRY_POINT = 'entry point\0';

/** Launchers as files at their places, so that every rule on commands sees them. */
function launchers({ facts }: RuleContext, ledger: LedgerLine[]): Kept[] {
  for (const fact of facts.plugins)
    ledger.push({ kind: 'entry-point', fact, fate: 'translated', detail: 'stays in entry_points.txt' });
  for (const fact of facts.unfitScripts)
    ledger.push({ kind: 'entry-point', fact, fate: 'left-out', detail: 'script-name: names no command and callable' });
  return facts.scripts.map((launcher) => {
    const name = `${ENTRY_POINT}${launcher.name} = ${launcher.module}:${launcher.attribute}`;
    const file = { name, mode: 0, shebang: '#!/usr/bin/python3' };
    const note = launcher.extras && `what its extras ${quoted(launcher.extras)} bring is not required`;
    return { kind: 'script', path: `/usr/bin/${launcher.name}`, site: '', file, launcher, ...(note && { note }) };
  });
}

function firstFinding(
  rules: readonly FileRule[],
  placed: Placed,
  context: RuleContext,
): [FileRule | undefined, string] {
  for (const rule of rules) {
    const detail = rule.finds(placed, context);
    if (detail !== undefined) return [rule, detail];
  }
  return [undefined, ''];
}

function leftOut(rule: Rule, fact: string, detail: string): LedgerLine {
  return {
    kind: fact.startsWith(ENTRY_POINT) ? 'entry-point' : 'file',
    fact: fact.replace(ENTRY_POINT, ''),
    fate: rule.replaced ? 'approximated' : 'left-out',
    detail: `${rule.name}: ${detail}`,
  };
}
