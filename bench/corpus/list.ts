import { readFile } from 'node:fs/promises';
import { RennetError } from '../../src/model/errors.ts';
import { isProjectName, normaliseProject } from '../../src/model/project-name.ts';
import { quoted } from '../../src/model/text.ts';

/** One line of a list: a project and the group of like ones that it was drawn from. */
export interface ListedProject {
  /** PEP 503 normalised. */
  readonly project: string;
  /** `top500`; `all` where the list names none. */
  readonly stratum: string;
}

const STRATUM = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,40}$/;
/** More than anybody measures; a wrong file is refused before it is taken apart. */
const LONGEST_LIST = 10_000_000;

/** Reads a list of projects from a file. RennetError `bad-usage` where it cannot be read or has a bad line. */
export async function readList(path: string): Promise<ListedProject[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new RennetError('bad-usage', `The list ${path} cannot be read.`, 'Name another one with --list.', {
      cause: error,
    });
  }
  return parseList(text, path);
}

/**
 * Reads `PROJECT<tab>STRATUM` lines; the stratum may be missing, empty lines and lines that begin with `#` say nothing. Each project may stand
 * there once. `name`: of the list, for sentences. RennetError `bad-usage` with the number of the first bad line. Pure.
 */
export function parseList(text: string, name: string): ListedProject[] {
  const listed = new Map<string, ListedProject>();
  if (text.length > LONGEST_LIST) throw new RennetError('bad-usage', `The list ${name} is larger than 10 MB.`);
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const bad = (why: string) =>
      new RennetError(
        'bad-usage',
        `Line ${index + 1} of the list ${name} ${why}.`,
        'A line is PROJECT, a tab and the name of its stratum.',
      );
    const [project = '', stratum = 'all', ...more] = line.split('\t').map((cell) => cell.trim());
    if (more.length > 0) throw bad('has more than two columns');
    if (!isProjectName(project)) throw bad(`begins with ${quoted(project)}, which is no project name`);
    if (!STRATUM.test(stratum))
      throw bad(`names the stratum ${quoted(stratum)}: use letters, digits, ".", "_", "+", "-"`);
    const normalised = normaliseProject(project);
    if (listed.has(normalised)) throw bad(`names ${normalised} a second time`);
    listed.set(normalised, { project: normalised, stratum });
  }
  if (listed.size === 0) throw new RennetError('bad-usage', `The list ${name} has no project.`);
  return [...listed.values()];
}

/** Takes `limit` projects spread evenly over the list, so that each stratum has its share. Pure. */
export function spread(list: readonly ListedProject[], limit: number): ListedProject[] {
  if (limit >= list.length) return [...list];
  return Array.from({ length: limit }, (_, n) => list[Math.floor((n * list.length) / limit)]).filter(
    (listed) => listed !== undefined,
  );
}
