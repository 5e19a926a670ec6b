import type { FailureClass } from '../model/outcome.ts';

const UNDECLARED = 'which no declared build requirement brings.';

const SENTENCES: Record<FailureClass, (subject: string) => string> = {
  'missing-header': (s) => `The build needs the header ${s}, ${UNDECLARED}`,
  'missing-library': (s) => `The build needs the library ${s}, ${UNDECLARED}`,
  'missing-program': (s) => `The build starts the program ${s}, ${UNDECLARED}`,
  'missing-pkg-config': (s) => `The build asks pkg-config for ${s}, ${UNDECLARED}`,
  'missing-module': (s) =>
    `The build imports ${s || 'a module'}, which the release does not declare as a build requirement.`,
  'missing-file': (s) => `The build reads ${s}, which is not in the sdist; its upstream has to add it.`,
  'python-2': (s) => `The build runs code of Python 2 (${s}); its upstream has to move to Python 3.`,
  'compiler-error': (s) => `The compiler refused the source: ${s}`,
  'needs-network': () =>
    'The build wants the network, which no guest has; its upstream has to put what it downloads into the sdist.',
  'back-end-error': (s) => `The build back end failed: ${s}`,
  'no-wheel': () => 'The build ended without a wheel.',
  'bad-metadata': (s) => `The build back end refused the release's own metadata: ${s}`,
  'import-error': (s) => `A module does not import: ${s}`,
  'install-error': (s) => `The package does not install: ${s}`,
  'script-error': (s) => `A script does not start: ${s}`,
  'missing-extension': (s) => `An extension module did not come out of the build: ${s}`,
  'lost-file': (s) => `A file did not come out of the build: ${s}`,
  'build-path': (s) => `The package names a folder of its build: ${s}`,
  killed: () => 'The machine went off before the build gave a result.',
  unknown: () => 'The build failed; its log shows no reason that Rennet knows.',
};

/** One sentence for people for a class of failure; `own` where the message itself has a better one. */
export function failureSentence(failure: FailureClass, subject: string, own?: (subject: string) => string): string {
  return (own ?? SENTENCES[failure])(subject).replace(/[^.!?]$/, '$&.');
}
