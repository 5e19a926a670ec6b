import type { PythonBound } from './admission.ts';
import type { Placed } from './rules/rule.ts';

/**
 * The tightest bound of all extension modules. A file name says it (`.abi3.so`, `.cpython-311-….so`, PEP 3149); a plain
 * `.so` is as bound as the wheel's own tag says.
 */
export function pythonBoundOf(kept: readonly Placed[], wheelName: string): PythonBound {
  const tag = wheelName.split('-').at(-2) ?? '';
  const ofTag: PythonBound = tag === 'none' ? 'none' : tag === 'abi3' ? 'abi3' : 'abi';
  const bounds = kept
    .filter(({ kind, path, file }) => kind === 'module' && file.elf !== undefined && path.endsWith('.so'))
    .map(
      ({ path }): PythonBound =>
        path.endsWith('.abi3.so') ? 'abi3' : /\.cpython-[^/]*\.so$/.test(path) ? 'abi' : ofTag,
    );
  return bounds.includes('abi') ? 'abi' : bounds.includes('abi3') ? 'abi3' : 'none';
}
