/** One setting of pip, its section and name as pip normalises them: `:env:` and `index-url`. */
interface PipSetting {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

/** Sections that `pip install` reads, weakest first (pip's documentation, "Configuration: precedence"). */
const SECTIONS = ['global', 'install', ':env:'];

/**
 * Reads what `pip config list` printed (`section.name='value'`, the value as Python's `repr` writes it) into the
 * settings that are in force for `pip install`.
 */
export function parsePipConfig(output: string): ReadonlyMap<string, string> {
  const settings: PipSetting[] = [];
  for (const line of output.split('\n')) {
    const match = /^(:env:|[^.=]+)\.([^=]+)=(.*)$/.exec(line.trimEnd());
    if (match === null) continue;
    const [, section = '', name = '', value = ''] = match;
    settings.push({ section, name: name.toLowerCase().replaceAll('_', '-'), value: readPythonString(value) });
  }
  const inForce = new Map<string, string>();
  for (const section of SECTIONS) {
    for (const setting of settings) if (setting.section === section) inForce.set(setting.name, setting.value);
  }
  return inForce;
}

/**
 * Finds the default of `-i, --index-url` in the text of `pip install --help`. The text is wrapped to the terminal, so
 * white space says nothing. Gives undefined where the text has another form.
 */
export function parseDefaultIndex(help: string): string | undefined {
  const text = help.replaceAll(/\s+/g, ' ');
  return /--index-url <url>.*?\(default:? ([^\s)]+)\)/.exec(text)?.[1];
}

/** Lists the configuration files that `pip config debug` names, whether they exist or not. */
export function parseConfigFiles(debug: string): string[] {
  return debug.split('\n').flatMap((line) => {
    const path = /^\s+(\/.*), exists: (?:True|False)$/.exec(line.trimEnd())?.[1];
    return path === undefined ? [] : [path];
  });
}

/** Pip's idea of a true switch (`strtobool` of distutils). */
export function isSwitchedOn(value: string | undefined): boolean {
  return value !== undefined && ['y', 'yes', 't', 'true', 'on', '1'].includes(value.toLowerCase());
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' };

function readPythonString(text: string): string {
  const inner = /^(['"])(.*)\1$/.exec(text)?.[2];
  if (inner === undefined) return text;
  return inner.replaceAll(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/g,
    (whole: string, x?: string, u?: string, long?: string, single?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return ESCAPES[single ?? ''] ?? whole;
    },
  );
}
