import type { LedgerLine } from './outcome.ts';
import type { Recipe } from './recipe.ts';

type Sources = Pick<Recipe, 'project' | 'version' | 'source' | 'inPlaceOf'>;

/** Why a package is made from upstream's own wheel, without a full stop; undefined where it was built from an sdist. */
export function whyFromWheel({ project, version, source, inPlaceOf }: Sources): string | undefined {
  if (source.kind === 'sdist') return undefined;
  if (source.url.startsWith('local:')) return 'that is what was given';
  if (inPlaceOf === undefined) return 'the release has no sdist';
  const { sentence } = inPlaceOf.outcome;
  const release = `${project} ${version}: `;
  const reason = sentence.startsWith(release) ? sentence.slice(release.length) : sentence;
  const sdist = inPlaceOf.outcome.kind === 'check-failed' ? 'gives less than that wheel' : 'cannot be built';
  return `its sdist ${sdist}: ${reason.replace(/\.$/, '')}`;
}

/** What became of the files of the release, where the package was not built from its sdist. */
export function sourceLines(recipe: Sources): LedgerLine[] {
  const why = whyFromWheel(recipe);
  if (why === undefined) return [];
  const { source, inPlaceOf } = recipe;
  const wheel = { kind: 'file', fact: source.filename, fate: 'translated' } as const;
  return [
    { ...wheel, detail: `the package is made from upstream's own wheel, because ${why}` },
    ...(inPlaceOf === undefined
      ? []
      : [{ kind: 'file', fact: inPlaceOf.filename, fate: 'left-out', detail: inPlaceOf.outcome.sentence } as const]),
  ];
}
