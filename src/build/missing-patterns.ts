import type { MissingKind } from '../model/missing.ts';
import type { FailureClass } from '../model/outcome.ts';

/** A line of a log that shows why a build failed. Groups of `line` are what it names. Every repetition is bounded: logs are hostile. */
export interface Pattern {
  readonly class: FailureClass;
  readonly line: RegExp;
  /** What kind of thing is missing, where the suite may have it. */
  readonly kind?: MissingKind;
  /** For messages that do not name it. */
  readonly subject?: string;
  /** One of the lines just above must say so, too. */
  readonly above?: RegExp;
  /** In the place of the class's own sentence. */
  readonly sentence?: (subject: string) => string;
}

const header = (source: string, flags = ''): Pattern => ({
  class: 'missing-header',
  kind: 'header',
  line: new RegExp(source, flags),
});
const pkgConfig = (source: string): Pattern => ({
  class: 'missing-pkg-config',
  kind: 'pkg-config',
  line: new RegExp(source),
});
const library = (source: string, kind: MissingKind = 'library'): Pattern => ({
  class: 'missing-library',
  kind,
  line: new RegExp(source),
});
const program = (source: string, more: Partial<Pattern> = {}): Pattern => ({
  class: 'missing-program',
  kind: 'program',
  line: new RegExp(source, 'i'),
  ...more,
});
const pythonModule = (source: string, more: Partial<Pattern> = {}): Pattern => ({
  class: 'missing-module',
  kind: 'module',
  line: new RegExp(source),
  ...more,
});

const HEADER = String.raw`([\w.+/-]{1,150}\.(?:h|hh|hpp|hxx))`;
const NAME = String.raw`([A-Za-z0-9_][\w.+-]{0,100})`;
const PROGRAM = String.raw`([A-Za-z0-9_][\w+-]{0,60}(?:\.\d{1,3})?)`;
const MODULE = String.raw`([A-Za-z_][\w.]{0,100})`;
const QUOTE = '[\\s:\'"`]';

/** The first pattern that matches any line wins, so the messages that only a fatal lack brings come first. */
export const MISSING_HARD: readonly Pattern[] = [
  // gcc (a header of C++ may have no ending), clang
  header(String.raw`:\d+:\d+: fatal error: ([\w][\w.+/-]{0,150}): No such file or directory`),
  header(`fatal error: ${HEADER}: No such file or directory`),
  header(`fatal error: '${HEADER}' file not found`),
  header(`header '${HEADER}' not found`, 'i'),
  header(`(?:can't|cannot|could not|unable to) (?:find|locate)\\b.{0,40}?[\\s<"'\`]${HEADER}\\b`, 'i'),
  header(`(?:^|error:|[\\s<"'\`])${HEADER}[>"'\`]? (?:is |was |header )?(?:not found|missing|required)`, 'i'),
  pkgConfig(`No package '${NAME}' found`),
  pkgConfig(`Package '?${NAME}'? was not found in the pkg-config search path`),
  pkgConfig(`Package '${NAME}', required by '[^']{1,100}', not found`),
  pkgConfig(`Package requirements \\(${NAME}[^)]{0,300}\\) were not met`),
  pkgConfig(`'pkg-config'(?:, '--[^']{1,60}'){1,6}, '${NAME}[^']{0,60}'.{0,100} returned non-zero exit status 1\\b`),
  pkgConfig(`pkg-config(?: --[\\w=-]{1,60}){1,6} "?'?${NAME}.{0,100} (?:exit status|exit code|with status) 1\\b`),
  // the crate pkg-config
  pkgConfig(`[Tt]he system library \`${NAME}\` required by crate`),
  library(`could not find system library '${NAME}' required by`, 'component'),
  library(`(?:cannot find|unable to find library) -l${NAME}`),
  library(`could not find native static library \`${NAME}\``),
  library(`library '${NAME}' not found`),
  library(String.raw`(lib[\w.+-]{1,80}?\.so[.\d]{0,20}): cannot open shared object file`, 'shared-library'),
];

/** Renamed in Python 3: what imports them was never moved to it. */
const PYTHON_2 =
  '__builtin__|BaseHTTPServer|ConfigParser|Cookie|HTMLParser|Queue|SocketServer|StringIO|Tkinter|cPickle|cStringIO|commands|cookielib|copy_reg|dummy_thread|httplib|sets|urllib2|urlparse|xmlrpclib';
/** Removed from the standard library by 3.12 (PEP 632 and others) and 3.13 (PEP 594). */
const REMOVED =
  'aifc|asynchat|asyncore|audioop|cgi|cgitb|chunk|crypt|distutils|imghdr|imp|lib2to3|mailcap|nntplib|pipes|smtpd|sndhdr|sunau|telnetlib|uu|xdrlib';
const removed = (s: string) =>
  `The build imports ${s}, which newer versions of Python have removed; its upstream has to move away from it.`;

export const MISSING_MODULES: readonly Pattern[] = [
  {
    class: 'python-2',
    line: new RegExp(`(?:ModuleNotFoundError|ImportError): No module named '?((?:${PYTHON_2})\\b)`),
  },
  pythonModule(`ModuleNotFoundError: No module named '((?:${REMOVED})\\b[\\w.]{0,60})'`, { sentence: removed }),
  pythonModule(`ModuleNotFoundError: No module named '${MODULE}'`),
  pythonModule(`ImportError: No module named '?${MODULE}`),
  pythonModule(`BackendUnavailable: (?:Cannot import ')?${MODULE}`),
  pythonModule("error: invalid command 'bdist_wheel'", { subject: 'wheel' }),
  pythonModule(String.raw`'([A-Za-z_]\w{0,60})[\w/.]{0,100}\.pxd' not found`),
  {
    class: 'missing-module',
    line: /AttributeError: module '(pkgutil|importlib|inspect|configparser)' has no attribute '(?:ImpImporter|find_loader|getargspec|SafeConfigParser)'/,
    sentence: (s) =>
      `The build uses a part of ${s} that newer versions of Python have removed; its upstream has to move away from it.`,
  },
];

/** These load what they build with from the network; having them alone helps nothing. */
const DOWNLOADERS = 'npm|npx|yarn|pnpm|bower|bun';
const rust =
  "can't find Rust compiler|requires Rust and Cargo|Rust not found, installing|cargo, the Rust package manager, is not installed";

export const MISSING_PROGRAMS: readonly Pattern[] = [
  {
    class: 'needs-network',
    line: new RegExp(
      `(?:(?:^|${QUOTE})(${DOWNLOADERS})['"]?: (?:command )?not found|No such file or directory: '(${DOWNLOADERS})')`,
    ),
  },
  {
    class: 'back-end-error',
    line: /(\bgit: (?:command )?not found|No such file or directory: 'git'|not a git repository|Bad git executable|setuptools-scm was unable to detect version|Error getting the version from source `(?:vcs|scm)`)/i,
    sentence: () =>
      'The build asks git for the version or the files of the release; an sdist has no git history, so its upstream has to write them into the sdist.',
  },
  program(rust, { subject: 'cargo' }),
  program('CMake must be installed|Problem with the CMake installation|CMake executable not found', {
    subject: 'cmake',
  }),
  program(
    'pkg-config (?:command|script|executable)? ?(?:could not be|is not|was not|not) (?:found|installed)|pkg-config for machine .{1,40} not found|Could NOT find PkgConfig',
    { subject: 'pkg-config' },
  ),
  program(`(?:^|${QUOTE})${PROGRAM}['"\`]?: (?:command )?not found$`),
  program(
    `(?:^|${QUOTE})((?:[a-z0-9+]{1,30}[-_]){1,4}config)['"\`]? (?:executable |script |program |command )?(?:is |was |could )?not (?:be )?(?:found|installed)`,
  ),
  program(`No such file or directory: '${PROGRAM}'`, { above: /_execute_child|subprocess\.py|_posixsubprocess/ }),
  program(`command '(?:/usr/(?:local/)?bin/)?${PROGRAM}' failed: (?:No such file|None)`),
  program(`unable to execute '?${PROGRAM}'?: No such file`),
  // Build scripts of crates: aws-lc-sys, and the crate `cmake`.
  program(`^Missing dependency: ${PROGRAM}$`),
  program('^is `' + PROGRAM + '` not installed\\?'),
  program(`^make(?:\\[\\d{1,4}\\])?: ${PROGRAM}: No such file or directory`),
  program(`Program '?"?${PROGRAM}[^'"]{0,60}'?"? not found`),
  program(`Unknown compiler\\(s\\): \\[\\['${PROGRAM}'`),
  program(`(?:can't|cannot|could not|unable to) find (?:the )?(?:program|executable|command) [\`'"]?${PROGRAM}`),
];

/** Names that mean a package of CMake, a pkg-config module, a library or a header. */
export const MISSING_COMPONENTS: readonly Pattern[] = [
  `Could not find a package configuration file provided by "${NAME}"`,
  `Could NOT find ${NAME}`,
  `Dependency "?'?${NAME}"?'? (?:is required but )?not found`,
  `Dependency lookup for ${NAME} with method`,
  `Run-time dependency ${NAME} found: NO`,
  `headers or library files could not be found for ${NAME}`,
  `make sure the ${NAME}(?: and ${NAME})? development packages? (?:is|are) installed`,
  String.raw`checking for (lib[\w+-]{1,60})\.{3} (?:no|configure: error)`,
].map((source) => library(source, 'component'));
