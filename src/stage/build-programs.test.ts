import { describe, expect, test } from 'vitest';
import { programDist, programPackages, wantsCrates } from './build-programs.ts';

const suite = (...names: readonly string[]) => ({ hasPackage: (name: string) => names.includes(name) });

describe('programs of back ends', () => {
  test('the best package that the suite has, each once', () => {
    const archive = suite('cargo', 'rustc', 'rustc-web', 'cmake', 'ninja-build');
    expect(programPackages(['maturin', 'setuptools-rust'], [], archive)).toEqual(['cargo', 'rustc-web']);
    expect(programPackages(['scikit-build-core', 'scikit-build'], [], archive)).toEqual(['cmake', 'ninja-build']);
  });

  test('a purpose for which the suite has nothing is left to the build', () => {
    expect(programPackages(['meson-python'], [], suite('ninja-build', 'pkg-config'))).toEqual([
      'ninja-build',
      'pkg-config',
    ]);
    expect(programPackages(['hatchling'], [], suite('cargo'))).toEqual([]);
  });

  test('Fortran wants its compiler', () => {
    expect(programPackages(['meson-python'], ['src/a.f90', 'b.c'], suite('gfortran'))).toEqual(['gfortran']);
    expect(programPackages(['meson-python'], ['b.c'], suite('gfortran'))).toEqual([]);
  });

  test('only Rust wants crates', () => {
    expect([['maturin'], ['six', 'setuptools-rust'], ['scikit-build'], []].map(wantsCrates)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

test.each([
  ['cmake', '3.25.1-1', 'cmake', '3.25.1'],
  ['ninja', '1.11.1-2~deb12u1', 'ninja-build', '1.11.1'],
  ['swig', '1:4.1.0+ds-0.2', 'swig', '4.1.0'],
])('the project %s is met by the program of Debian %s', (project, version, name, upstream) => {
  const archive = { packageVersion: (asked: string) => (asked === name ? version : undefined) };
  expect(programDist(project, archive)).toMatchObject({
    package: name,
    packageVersion: version,
    upstreamVersion: upstream,
  });
  expect(programDist('six', archive)).toBeUndefined();
  expect(programDist(project, { packageVersion: () => undefined })).toBeUndefined();
});
