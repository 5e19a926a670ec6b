import type { ScriptEntryPoint } from '../python/entry-points.ts';

/**
 * The launcher of an entry point: what pip writes, with the parts in the only two places where they may stand. The parser
 * let only plain dotted identifiers through.
 */
export function launcherText({ module, attribute }: ScriptEntryPoint): string {
  const [first = ''] = attribute.split('.');
  return `#!/usr/bin/python3
import sys

from ${module} import ${first}

if __name__ == "__main__":
    sys.exit(${attribute}())
`;
}
