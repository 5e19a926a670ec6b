import { RennetError } from '../model/errors.ts';
import type { TargetFacts } from '../model/target.ts';
import { normaliseProject } from '../model/project-name.ts';
import { singleClauseAccepts } from './version.ts';

export const MARKER_VARIABLES = [
  'python_version',
  'python_full_version',
  'os_name',
  'sys_platform',
  'platform_machine',
  'platform_python_implementation',
  'platform_release',
  'platform_system',
  'platform_version',
  'implementation_name',
  'implementation_version',
  'extra',
] as const;
export type MarkerVariable = (typeof MARKER_VARIABLES)[number];
export type MarkerOperator = '<=' | '<' | '!=' | '==' | '>=' | '>' | '~=' | '===' | 'in' | 'not in';

/** A PEP 508 marker, parsed. `variableFirst` is false for `'3' <= python_version`. */
export type MarkerNode =
  | { readonly kind: 'and' | 'or'; readonly nodes: readonly MarkerNode[] }
  | {
      readonly kind: 'compare';
      readonly variable: MarkerVariable;
      readonly operator: MarkerOperator;
      readonly value: string;
      readonly variableFirst: boolean;
    };

/** The values of all variables but `extra`. */
export type MarkerEnvironment = Readonly<Record<Exclude<MarkerVariable, 'extra'>, string>>;

/** Compared as versions where the right side makes a specifier (PEP 508); all others are compared as text. */
const VERSION_VARIABLES: readonly MarkerVariable[] = [
  'implementation_version',
  'platform_release',
  'python_full_version',
  'python_version',
];

const MACHINES = { amd64: 'x86_64', arm64: 'aarch64', i386: 'i686' } as const;

/** The environment of CPython on Linux for a target. The kernel's release and version are unknown there: empty. */
export function markerEnvironment(
  facts: Pick<TargetFacts, 'python' | 'pythonFull' | 'architecture'>,
): MarkerEnvironment {
  return {
    python_version: facts.python,
    // CPython built from a working copy says `3.12.0+`, which is no version.
    python_full_version: facts.pythonFull.replace(/\+$/, '+local'),
    os_name: 'posix',
    sys_platform: 'linux',
    platform_machine: MACHINES[facts.architecture],
    platform_python_implementation: 'CPython',
    platform_release: '',
    platform_system: 'Linux',
    platform_version: '',
    implementation_name: 'cpython',
    implementation_version: facts.pythonFull,
  };
}

/**
 * Evaluates a marker as `packaging` 26 does; no marker is true. `extra` is the one extra asked for, `''` for none.
 * Throws `bad-metadata` on a comparison that has no meaning, such as `sys_platform ~= 'linux'`, wherever it stands.
 */
export function evaluateMarker(marker: MarkerNode | undefined, environment: MarkerEnvironment, extra = ''): boolean {
  if (marker === undefined) return true;
  if (marker.kind === 'compare') return evaluateComparison(marker, environment, normaliseProject(extra));
  // Every part is evaluated, so that a senseless comparison is found on every target alike.
  const results = marker.nodes.map((node) => evaluateMarker(node, environment, extra));
  return marker.kind === 'and' ? results.every(Boolean) : results.some(Boolean);
}

function evaluateComparison(
  node: Extract<MarkerNode, { kind: 'compare' }>,
  environment: MarkerEnvironment,
  extra: string,
): boolean {
  const { variable, operator, value } = node;
  const fact = variable === 'extra' ? extra : environment[variable];
  const [left, right] = node.variableFirst ? [fact, value] : [value, fact];
  const accepted = VERSION_VARIABLES.includes(variable) ? singleClauseAccepts(operator + right, left) : undefined;
  return accepted ?? compareText(left, operator, right);
}

/** PEP 508 orders no texts: `<` and `>` are false, `<=` and `>=` mean equal. */
function compareText(left: string, operator: MarkerOperator, right: string): boolean {
  switch (operator) {
    case 'in':
      return right.includes(left);
    case 'not in':
      return !right.includes(left);
    case '==':
    case '<=':
    case '>=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
    case '>':
      return false;
    default:
      throw new RennetError(
        'bad-metadata',
        `The marker compares "${left}" ${operator} "${right}", which has no meaning.`,
      );
  }
}
