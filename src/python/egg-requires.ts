import { RennetError } from '../model/errors.ts';
import { parseRequirement } from './requirement.ts';

/** A generated file; a longer one is no list of requirements. */
const MAX_LINES = 2000;

/**
 * Reads `requires.txt` of an .egg-info folder, as setuptools writes it: requirements, then sections such as `[extra]` and
 * `[:python_version < "3"]`. Gives those that hold without an extra, as PEP 508 texts. What cannot be read is left out: old sdists
 * have nothing else that tells what a release requires, and it binds nothing. Hostile text.
 */
export function parseEggRequires(text: string): string[] {
  const found: string[] = [];
  let marker: string | undefined = '';
  for (const line of text.split(/\r?\n/).slice(0, MAX_LINES)) {
    const requirement = line.trim();
    const section = /^\[([^:\]]*)(?::(.*))?\]$/.exec(requirement);
    if (section) marker = section[1] === '' ? (section[2] ?? '') : undefined;
    else if (requirement !== '' && marker !== undefined) {
      const whole = marker === '' ? requirement : `${requirement}; ${marker}`;
      if (isRequirement(whole)) found.push(whole);
    }
  }
  return found;
}

/** True for a requirement of a project by its name. */
export function isRequirement(text: string): boolean {
  try {
    return parseRequirement(text).url === undefined;
  } catch (error) {
    if (!(error instanceof RennetError)) throw error;
    return false;
  }
}
