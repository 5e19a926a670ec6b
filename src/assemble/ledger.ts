import type { DebianRelations } from '../debian/pypi-version.ts';
import { type Hint, type HintedPackage, NO_HINT } from '../model/hint.ts';
import type { LedgerLine } from '../model/outcome.ts';
import { packagesOf, type Suggestion } from './depends.ts';

/** What became of Requires-Python: what of it the Depends say, and which parts of it they do not. */
export function requiresPythonLine(
  requiresPython: string,
  { relations, approximated }: Pick<DebianRelations, 'relations' | 'approximated'>,
): LedgerLine {
  const line = (fate: LedgerLine['fate'], detail: string): LedgerLine => ({
    kind: 'field',
    fact: `Requires-Python: ${requiresPython}`,
    fate,
    detail,
  });
  if (relations.length === 0 && approximated.length === 0)
    return line('left-out', 'bounds no version of Python, or is no specifier (PEP 440); pip ignores it as well');
  const missing = `not in Depends: ${approximated.join(', ')}`;
  if (relations.length === 0) return line('left-out', missing);
  // Compiled code asks for the Python of its own architecture, without `:any`.
  const depends = `Depends on ${relations.map((relation) => relation.replace(':any', '')).join(', ')}`;
  return approximated.length === 0 ? line('translated', depends) : line('approximated', `${depends}; ${missing}`);
}

/** The lines of the resolver, with Suggests for the optional requirements and extras that the package suggests something for. */
export function withSuggestions(
  ledger: readonly LedgerLine[],
  suggestions: readonly Suggestion[],
): readonly LedgerLine[] {
  return ledger.map((line) => {
    const { kind, fact, fate } = line;
    const own = suggestions.filter(({ requirement, extras }) =>
      kind === 'extra' ? extras.includes(fact) : kind === 'requirement' && requirement === fact,
    );
    if (fate !== 'left-out' || own.length === 0) return line;
    const detail = `Suggests: ${packagesOf(own).join(', ')}`;
    const extras = [...new Set(own.flatMap((suggestion) => suggestion.extras))].join(', ');
    return { ...line, fate: 'approximated', detail: kind === 'extra' ? detail : `${detail}; for the extra ${extras}` };
  });
}

/** What the package has by the operator's word, which is no fact of the upstream, and what its build had. */
export function hintLines({ buildPackages, buildRequirements, depends, imports }: Hint = NO_HINT): LedgerLine[] {
  const line = (fact: string, detail: string): LedgerLine => ({ kind: 'hint', fact, fate: 'translated', detail });
  const who = ({ origin, reason }: HintedPackage) =>
    `${SOURCES[origin]}${reason === '' || origin === 'file' ? '' : `, ${reason}`}`;
  return [
    ...buildPackages.map((one) => line(`build package ${one.package}`, `in the build; ${who(one)}`)),
    ...buildRequirements.map((text) => line(`build requirement ${text}`, 'in the build')),
    ...depends.map((one) => line(`run package ${one.package}`, `in Depends; ${who(one)}`)),
    ...(imports === undefined ? [] : [line(`imports ${imports.join(', ')}`, 'imported by the check; hints file')]),
  ];
}

const SOURCES: Record<HintedPackage['origin'], string> = {
  file: 'hints file',
  operator: 'rennet hints',
  learned: "the suite's Contents",
};
