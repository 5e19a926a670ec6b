import { RennetError } from '../model/errors.ts';

/** One line of a script group: `name = module:attribute [extras]`. */
export interface ScriptEntryPoint {
  /** Fit for a file name in /usr/bin. */
  readonly name: string;
  /** Dotted module. */
  readonly module: string;
  /** Dotted attribute, called without arguments. */
  readonly attribute: string;
}

export interface EntryPoints {
  readonly consoleScripts: readonly ScriptEntryPoint[];
  readonly guiScripts: readonly ScriptEntryPoint[];
  /** All other groups, unread: group → lines as written. */
  readonly others: ReadonlyMap<string, readonly string[]>;
}

const MAX_LINES = 20_000;
const DOTTED = '[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*';
const SCRIPT = new RegExp(`^([^=]+?)\\s*=\\s*(${DOTTED})\\s*:\\s*(${DOTTED})\\s*(?:\\[[^\\]]*\\])?$`);

/**
 * Reads entry_points.txt (packaging.python.org, "Entry points specification"): sections of `name = value` lines. The
 * script groups end up in programs and file names, so their names, modules and attributes are checked.
 * Throws `bad-metadata`.
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
  const consoleScripts = readScripts(groups.get('console_scripts'));
  const guiScripts = readScripts(groups.get('gui_scripts'));
  groups.delete('console_scripts');
  groups.delete('gui_scripts');
  return { consoleScripts, guiScripts, others: groups };
}

function readScripts(lines: readonly string[] = []): ScriptEntryPoint[] {
  const scripts = new Map<string, ScriptEntryPoint>();
  for (const line of lines) {
    const [, name, module, attribute] = SCRIPT.exec(line) ?? [];
    if (name === undefined || module === undefined || attribute === undefined) {
      throw new RennetError('bad-metadata', `The entry point ${JSON.stringify(line.slice(0, 200))} is no program.`);
    }
    if (name.length > 100 || !/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name)) {
      throw new RennetError(
        'bad-metadata',
        `The entry point ${JSON.stringify(name.slice(0, 200))} is no program name.`,
      );
    }
    const known = scripts.get(name);
    if (known !== undefined && (known.module !== module || known.attribute !== attribute)) {
      throw new RennetError('bad-metadata', `The entry point ${name} is there twice.`);
    }
    scripts.set(name, { name, module, attribute });
  }
  return [...scripts.values()];
}

function refused(index: number, why: string): RennetError {
  return new RennetError('bad-metadata', `entry_points.txt is broken at line ${index + 1}: ${why}.`);
}
