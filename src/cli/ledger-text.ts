import type { LedgerLine } from '../model/outcome.ts';

/** Fates by what people ask for first, and how they read. */
const FATES: readonly (readonly [LedgerLine['fate'], string])[] = [
  ['unsatisfiable', 'cannot be met'],
  ['left-out', 'left out'],
  ['approximated', 'approximated'],
  ['not-for-target', 'not for this target'],
  ['interpreter', 'part of Python'],
  ['translated', 'translated'],
];
const SHOWN_PER_FATE = 12;
const FACT_WIDTH = 60;
const PLURALS: Readonly<Record<string, string>> = { 'entry-point': 'entry points' };

/**
 * The ledger for people: grouped by fate with counts, what was lost first. Without `all` each group shows its first lines, and of what
 * went over as it was only what people ask about: files and fields are counted.
 */
export function ledgerText(ledger: readonly LedgerLine[], all: boolean): string {
  const groups = Map.groupBy(ledger, ({ fate }) => fate);
  const parts: string[] = [];
  let hidden = 0;
  for (const [fate, title] of FATES) {
    const lines = groups.get(fate) ?? [];
    if (lines.length === 0) continue;
    const asked =
      all || fate !== 'translated' ? lines : lines.filter(({ kind }) => kind !== 'file' && kind !== 'field');
    const shown = all ? asked : asked.slice(0, SHOWN_PER_FATE);
    hidden += lines.length - shown.length;
    parts.push(`${title} (${countsOf(lines)})`, ...rowsOf(shown, all));
    if (shown.length < asked.length) parts.push(`  … and ${asked.length - shown.length} more`);
  }
  if (hidden > 0) parts.push(`--all shows ${hidden} more lines of ${ledger.length}.`);
  return parts.join('\n');
}

/** `3 files, 1 extra` */
function countsOf(lines: readonly LedgerLine[]): string {
  const kinds = [...Map.groupBy(lines, ({ kind }) => kind)];
  return kinds
    .map(([kind, { length }]) => {
      const one = kind.replace('-', ' ');
      return `${length} ${length === 1 ? one : (PLURALS[kind] ?? `${one}s`)}`;
    })
    .join(', ');
}

function rowsOf(lines: readonly LedgerLine[], all: boolean): string[] {
  const cut = (text: string) => (all || text.length <= FACT_WIDTH ? text : `${text.slice(0, FACT_WIDTH - 1)}…`);
  const rows = lines.map(({ kind, fact, detail }) => ({ kind, fact: cut(fact), detail }));
  const width = Math.min(Math.max(0, ...rows.map(({ fact }) => fact.length)), FACT_WIDTH);
  return rows.map(({ kind, fact, detail }) => `  ${kind.padEnd(11)}  ${fact.padEnd(width)}  ${detail}`.trimEnd());
}
