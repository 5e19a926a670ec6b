import type { FailureClass } from '../model/outcome.ts';
import { plainText } from '../model/text.ts';

export interface LogFinding {
  readonly class: FailureClass;
  /** What is missing, where the line names it. */
  readonly subject: string;
  /** The line of the log that shows it, without control characters. */
  readonly logLine: string;
}

interface Pattern {
  readonly class: FailureClass;
  readonly line: RegExp;
}

/** In the order of trust: the first pattern that matches any line wins, later lines before earlier ones. */
const PATTERNS: readonly Pattern[] = [
  { class: 'missing-header', line: /fatal error: ([\w./+-]+\.(?:h|hpp|hh|hxx)): No such file or directory/ },
  { class: 'missing-pkg-config', line: /(?:No package '([^']+)' found|Dependency "?([\w.+-]+)"? not found)/ },
  { class: 'missing-library', line: /cannot find -l([\w.+-]+)/ },
  { class: 'missing-module', line: /ModuleNotFoundError: No module named '([^']+)'/ },
  { class: 'missing-module', line: /BackendUnavailable: ?(.*)/ },
  { class: 'missing-module', line: /ImportError: (?:cannot import name .*|No module named '?([\w.]+)'?)/ },
  {
    class: 'needs-network',
    line: /(Temporary failure in name resolution|Name or service not known|Network is unreachable|Could not resolve host|Failed to establish a new connection|nodename nor servname|NameResolutionError|getaddrinfo failed|Connection refused)/,
  },
  { class: 'missing-program', line: /(?:^|: )([\w.+-]+): (?:command )?not found$/ },
  { class: 'missing-program', line: /FileNotFoundError: \[Errno 2\] No such file or directory: '([\w.+-]+)'/ },
  { class: 'missing-program', line: /error: command '([\w./+-]+)' failed: No such file or directory/ },
  {
    class: 'compiler-error',
    line: /^(?:.*[^\w])?(error: command '[^']*(?:gcc|g\+\+|cc|c\+\+|clang|rustc|cargo)' failed.*)/,
  },
  { class: 'compiler-error', line: /^\S+:\d+:(?:\d+:)? (?:fatal )?error: (.*)/ },
  { class: 'bad-metadata', line: /(InvalidVersion|InvalidRequirement|invalid command|configuration error: .*)/ },
  { class: 'back-end-error', line: /^(\w+(?:\.\w+)*(?:Error|Exception|Exit|Interrupt)\b.*)/ },
];

/** Finds the class of a failed build in its log: the last lines say most, so they are read first. */
export function classifyLog(log: string): LogFinding {
  const lines = log.split('\n').slice(-4000).toReversed();
  for (const pattern of PATTERNS) {
    for (const raw of lines) {
      const line = plainText(raw.slice(0, 2000)).trim();
      const match = pattern.line.exec(line);
      if (match)
        return {
          class: pattern.class,
          subject: (match[1] ?? match[2] ?? '').slice(0, 200),
          logLine: line.slice(0, 300),
        };
    }
  }
  const last = lines.map((line) => plainText(line.slice(0, 2000)).trim()).find((line) => line !== '') ?? '';
  return { class: 'unknown', subject: '', logLine: last.slice(0, 300) };
}

/** The line of a failed build's log that says that the guest's disk was full (ENOSPC); undefined where none does. */
export function diskFullLine(log: string): string | undefined {
  const lines = log.split('\n').slice(-4000).toReversed();
  const found = lines.find((line) => line.slice(0, 2000).includes('No space left on device'));
  return found && plainText(found.slice(0, 2000)).trim().slice(0, 300);
}

const SENTENCES: Record<FailureClass, (subject: string) => string> = {
  'missing-header': (s) => `The build needs the header ${s}, which no declared build requirement brings.`,
  'missing-library': (s) => `The build needs the library ${s}, which no declared build requirement brings.`,
  'missing-program': (s) => `The build starts the program ${s}, which no declared build requirement brings.`,
  'missing-pkg-config': (s) => `The build asks pkg-config for ${s}, which no declared build requirement brings.`,
  'missing-module': (s) =>
    `The build imports ${s || 'a module'}, which the release does not declare as a build requirement.`,
  'compiler-error': (s) => `The compiler refused the source: ${s}`,
  'needs-network': () =>
    'The build wants the network, which no guest has; its upstream has to put what it downloads into the sdist.',
  'back-end-error': (s) => `The build back end failed: ${s}`,
  'no-wheel': () => 'The build ended without a wheel.',
  'bad-metadata': (s) => `The build back end refused the release's own metadata: ${s}`,
  'import-error': (s) => `A module does not import: ${s}`,
  'install-error': (s) => `The package does not install: ${s}`,
  'script-error': (s) => `A script does not start: ${s}`,
  killed: () => 'The machine went off before the build gave a result.',
  unknown: () => 'The build failed; its log shows no reason that Rennet knows.',
};

/** One sentence for people for a class of failure. */
export function failureSentence(failure: FailureClass, subject: string): string {
  return SENTENCES[failure](subject).replace(/[^.!?]$/, '$&.');
}
