import { RennetError } from '../model/errors.ts';
import { normaliseProject } from '../model/project-name.ts';
import { isSpecifier } from '../python/version.ts';

const ARGUMENT = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(.*)$/s;

export interface ProjectArgument {
  /** PEP 503 normalised. */
  readonly project: string;
  /** PEP 440 specifier; empty for "any". */
  readonly specifier: string;
}

/** Reads `PROJECT` or `PROJECT<specifier>` as a person types it: `ftfy`, `ftfy==6.3.1`, `ftfy>=6,<7`. */
export function parseProjectArgument(text: string): ProjectArgument {
  const match = ARGUMENT.exec(text.trim());
  const specifier = match?.[2]?.trim() ?? '';
  if (!match?.[1] || text.length > 300)
    throw new RennetError(
      'bad-usage',
      `"${text.slice(0, 80)}" is no project name.`,
      'Write a name as on the index, for example ftfy or ftfy==6.3.1.',
    );
  if (specifier !== '' && !isSpecifier(specifier))
    throw new RennetError(
      'bad-specifier',
      `"${specifier.slice(0, 80)}" is no version specifier (PEP 440).`,
      'Write for example ftfy==6.3.1, ftfy>=6 or "ftfy>=6,<7".',
    );
  return { project: normaliseProject(match[1]), specifier };
}
