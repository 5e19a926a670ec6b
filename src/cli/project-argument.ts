import { RennetError } from '../model/errors.ts';
import { isProjectName, normaliseProject } from '../model/project-name.ts';
import { plainText } from '../model/text.ts';
import { isSpecifier } from '../python/version.ts';

const ARGUMENT = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(.*)$/s;

export interface ProjectArgument {
  /** PEP 503 normalised. */
  readonly project: string;
  /** PEP 440 specifier; empty for "any". */
  readonly specifier: string;
  /** Normalised, each once. */
  readonly extras: readonly string[];
}

/** Reads `PROJECT[EXTRAS]<specifier>` as a person types it: `ftfy`, `ftfy==6.3.1`, `httpx[http2]>=0.27,<1`. */
export function parseProjectArgument(text: string): ProjectArgument {
  const match = ARGUMENT.exec(text.trim());
  const [, named, rest = ''] = /^\[([A-Za-z0-9._\s,-]*)\]\s*(.*)$/s.exec(match?.[2] ?? '') ?? ['', '', match?.[2]];
  const specifier = rest.trim();
  const extras = (named ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  if (!match?.[1] || !isProjectName(match[1]) || !extras.every(isProjectName) || text.length > 1000) throw noName(text);
  if (specifier !== '' && !isSpecifier(specifier))
    throw new RennetError(
      'bad-specifier',
      `"${shown(specifier)}" is no version specifier (PEP 440).`,
      'Write for example ftfy==6.3.1, ftfy>=6 or "ftfy>=6,<7".',
    );
  return {
    project: normaliseProject(match[1]),
    specifier,
    extras: [...new Set(extras.map(normaliseProject))].toSorted(),
  };
}

/** Reads a bare project name. */
export function parseProjectName(text: string): string {
  if (!isProjectName(text)) throw noName(text);
  return normaliseProject(text);
}

function noName(text: string): RennetError {
  const hint = 'Write a name as on the index, for example ftfy or ftfy==6.3.1.';
  return new RennetError('bad-usage', `"${shown(text)}" is no project name.`, hint);
}

/** What was typed, short and without control characters: it may come from a file of somebody else. */
function shown(text: string): string {
  return plainText(text.replaceAll(/\s+/g, ' ')).slice(0, 80);
}
