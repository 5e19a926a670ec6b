import {
  MISSING_COMPONENTS,
  MISSING_HARD,
  MISSING_MODULES,
  MISSING_PROGRAMS,
  type Pattern,
} from './missing-patterns.ts';

/** Where the wish for a network shows; before all else, since what follows it is only its echo. */
const NETWORK: readonly Pattern[] = [
  {
    class: 'needs-network',
    line: /(Temporary failure in name resolution|Name or service not known|Network is unreachable|Could(?: not|n't) resolve host|Failed to establish a new connection|nodename nor servname|NameResolutionError|getaddrinfo (?:failed|EAI_AGAIN|ENOTFOUND)|No address associated with hostname|dns error|Could not fetch URL|No matching distribution found for [^ ]{1,80}|failed to download from|Download error on |spurious network error|dial tcp: lookup|Unable to download|Could not connect to)/i,
  },
];

/** What cargo says where it may not reach a registry or a repository (`CARGO_NET_OFFLINE`, guest input `60-crates`). */
const CRATES: readonly Pattern[] = [
  {
    class: 'needs-network',
    line: /can't checkout from '([^']{1,200})'/,
    sentence: (s) =>
      `The build takes a crate from the git repository ${s}, which no guest reaches; its upstream has to take it from a registry or put it into the sdist.`,
  },
  {
    class: 'needs-network',
    line: /(?:no matching package named|failed to select a version for(?: the requirement)?) `([\w-]{1,64})/,
    sentence: (s) =>
      `The build wants the crate ${s} from the network, which no guest has; its upstream has to put a Cargo.lock that pins it into the sdist.`,
  },
];

/** A program that fetches, and has nothing to fetch from. */
const FETCHERS: readonly Pattern[] = [
  {
    class: 'needs-network',
    line: /(?:^|\/)python[\d.]{0,5}: No module named (pip|ensurepip|easy_install)\b/,
    sentence: (s) =>
      `The build calls ${s} to fetch what it needs; its upstream has to declare that as a build requirement.`,
  },
];

const PYTHON_2_CODE: readonly Pattern[] = [
  {
    class: 'python-2',
    line: /SyntaxError: (Missing parentheses in call to '(?:print|exec)'|multiple exception types must be parenthesized|leading zeros in decimal integer literals|invalid hexadecimal literal)/,
  },
  {
    class: 'python-2',
    line: /NameError: name '(unicode|raw_input|xrange|basestring|execfile|file|reload|long|unichr|cmp)' is not defined/,
  },
  { class: 'python-2', line: /TabError: (inconsistent use of tabs and spaces)/ },
  { class: 'python-2', line: /(use_2to3) is invalid/ },
];

const METADATA: readonly Pattern[] = [
  {
    class: 'bad-metadata',
    line: /(Unknown classifier in field .{1,150})/,
    sentence: (s) => `The back end in the build knows fewer classifiers than the release uses: ${s}`,
  },
  {
    class: 'bad-metadata',
    line: /((?:InvalidVersion|InvalidRequirement|InvalidSpecifier|InvalidConfigError|ParsingError|RequirementParseError)\b.{0,200})/,
  },
  {
    class: 'bad-metadata',
    line: /((?:configuration error: |invalid pyproject\.toml|error in .{1,80} setup command: |Invalid version|TOMLDecodeError|project\.\S{1,60} must ).{0,200})/,
  },
];

const FILE = String.raw`(\w[\w ./+@-]{0,150})`;

const FILES: readonly Pattern[] = [
  {
    class: 'missing-file',
    line: new RegExp(
      `(?:FileNotFoundError|IOError|OSError): \\[Errno 2\\] No such file or directory: '(?:/build/source/)?(?:[^'/]{1,100}/)?${FILE}'`,
    ),
  },
  {
    class: 'missing-file',
    line: new RegExp(`(?:[Rr]eadme|[Ll]icen[cs]e|[Dd]escription) file does not exist: ${FILE}`),
  },
  { class: 'missing-file', line: new RegExp(`error: package directory '${FILE}' does not exist`) },
  { class: 'missing-file', line: new RegExp(`(?:error|fatal error): ${FILE}: No such file or directory`) },
  { class: 'missing-file', line: new RegExp(`'${FILE}' doesn't match any files`) },
  { class: 'missing-file', line: new RegExp(`can't open file '(?:/build/source/)?${FILE}'`) },
];

const QUESTIONS: readonly Pattern[] = [
  {
    class: 'back-end-error',
    line: /((?:EOFError: EOF when reading a line|KeyboardInterrupt\b).{0,100})/,
    sentence: (s) => `The build asks a person a question, whom no build has: ${s}`,
  },
];

const COMPILERS: readonly Pattern[] = [
  {
    class: 'compiler-error',
    line: /(internal compiler error: .{1,200})/,
    sentence: (s) => `The compiler itself crashed: ${s}`,
  },
  { class: 'compiler-error', line: /^[^\s:]{1,300}:\d+:(?:\d+:)? (?:fatal )?error: (.{1,200})/ },
  { class: 'compiler-error', line: /(undefined reference to .{1,150})/ },
  { class: 'compiler-error', line: /^(error\[E\d{4}\]: .{1,200})/ },
  { class: 'compiler-error', line: /^(error: could not compile .{1,200})/ },
  { class: 'compiler-error', line: /((?:Cython\.Compiler\.Errors\.)?CompileError: .{1,150})/ },
  {
    class: 'compiler-error',
    line: /(error: command '[^']{0,150}(?:gcc|g\+\+|cc|c\+\+|clang|rustc|cargo|gfortran)[\d.-]{0,5}' failed.{0,100})/,
  },
];

const REST: readonly Pattern[] = [
  {
    class: 'back-end-error',
    line: /SyntaxError: (\(unicode error\) 'utf-8' codec can't decode|invalid or missing encoding declaration|Non-UTF-8 code)/,
    sentence: () => 'The build runs a file that is not UTF-8 and does not say what it is (PEP 263).',
  },
  {
    class: 'back-end-error',
    line: /ImportError: (cannot import name .{1,200})/i,
    sentence: (s) => `The build wants another version of a module than it declares: ${s}`,
  },
  {
    class: 'back-end-error',
    line: /(?:status 139|signal 11\b|[Ss]egmentation fault)()/,
    sentence: () => 'The build crashed with a segmentation fault.',
  },
  { class: 'back-end-error', line: /^(?:\S{0,100}meson\.build:\d+:\d+: )?(ERROR: .{1,200})/ },
  { class: 'back-end-error', line: /^(CMake Error.{1,200})/ },
  {
    class: 'back-end-error',
    line: /^([A-Za-z_][\w.]{0,100}(?:Error|Exception|Exit|Interrupt)\b(?!: (?:1|None)$).{0,200})/,
  },
  { class: 'back-end-error', line: /^((?:configure: |distutils\.\S{1,60}: )?error: .{1,200})/ },
  { class: 'back-end-error', line: /^(make(?:\[\d+\])?: \*\*\* .{1,200})/ },
];

/** In the order of trust: the first pattern that matches any line wins, later lines before earlier ones. */
export const PATTERNS: readonly Pattern[] = [
  ...MISSING_HARD,
  ...MISSING_MODULES,
  ...CRATES,
  ...NETWORK,
  ...FETCHERS,
  ...MISSING_PROGRAMS,
  ...MISSING_COMPONENTS,
  ...PYTHON_2_CODE,
  ...METADATA,
  ...FILES,
  ...QUESTIONS,
  ...COMPILERS,
  ...REST,
];
