import { RennetError } from '../model/errors.ts';

/** One line of a script group: `name = module:attribute [extras]`. */
export interface ScriptEntryPoint {
  /** Fit for a file name in /usr/bin. */
  readonly name: string;
  /** Dotted module. */
  readonly module: string;
  /** Dotted attribute, called without arguments. */
  readonly attribute: string;
  /** The extras that it names, as written; a form that the specification has given up. */
  readonly extras?: string | undefined;
}

export interface EntryPoints {
  readonly consoleScripts: readonly ScriptEntryPoint[];
  readonly guiScripts: readonly ScriptEntryPoint[];
  /** Lines of the script groups that name no program or no callable, `line [group]`: nothing can be made of them. */
  readonly unfit: readonly string[];
  /** All other groups, unread: group → lines as written. */
  readonly others: ReadonlyMap<string, readonly string[]>;
}

const MAX_LINES = 20_000;
const DOTTED = '[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*';
const SCRIPT = new RegExp(`^([^=]+?)\\s*=\\s*(${DOTTED})\\s*:\\s*(${DOTTED})\\s*(?:\\[([^\\]]*)\\])?$`);

/**
 * Reads entry_points.txt (packaging.python.org, "Entry points specification"): sections of `name = value` lines. The
 * script groups end up in programs and file names, so their names, modules and attributes are checked.
 * Throws `bad-metadata` where the file has no shape at all.
 */
export function parseEntryPoints(text: string): EntryPoints {
  const groups = new Map<string, string[]>();
  let group: string[] | undefined;
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    if (index >= MAX_LINES) throw refused(index, 'there are too many lines');
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const section = /^\[([^\]]+)\]$/.exec(line)?.[1]?.trim();
    if (section !== undefined) {
      group = groups.get(section) ?? [];
      groups.set(section, group);
    } else if (group === undefined) throw refused(index, 'a line stands before the first group');
    else group.push(line);
  }
  const unfit: string[] = [];
  const consoleScripts = readScripts('console_scripts', groups, unfit);
  const guiScripts = readScripts('gui_scripts', groups, unfit);
  groups.delete('console_scripts');
  groups.delete('gui_scripts');
  return { consoleScripts, guiScripts, unfit, others: groups };
}

/** One bad line takes no other command away: it goes to `unfit`, as does a name that was there with another callable. */
function readScripts(
  group: string,
  groups: ReadonlyMap<string, readonly string[]>,
  unfit: string[],
): ScriptEntryPoint[] {
  const scripts = new Map<string, ScriptEntryPoint>();
  for (const line of groups.get(group) ?? []) {
    const [, name = '', module = '', attribute = '', extras] = SCRIPT.exec(line) ?? [];
    const isFit = name.length <= 100 && /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name);
    if (isFit && !scripts.has(name))
      scripts.set(name, { name, module, attribute, ...(extras !== undefined && { extras }) });
    else unfit.push(`${line} [${group}]`);
  }
  return [...scripts.values()];
}

function refused(index: number, why: string): RennetError {
  return new RennetError('bad-metadata', `entry_points.txt is broken at line ${index + 1}: ${why}.`);
}
