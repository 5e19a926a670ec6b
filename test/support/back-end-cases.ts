/** The smallest sdist of each back end: one module `NAME.py`, and an extension `_NAME` where the back end is made for one. */
export type BackEndFiles = Readonly<Record<string, string>>;

const pyproject = (name: string, requires: string, backend: string, more = '', project = ''): string =>
  `[build-system]\nrequires = [${requires}]\nbuild-backend = "${backend}"\n\n[project]\nname = "${name}"\n${project === '' ? 'version = "1.0"\n' : project}${more}`;

const MODULE = 'ANSWER = 42\n';
const C = (module: string): string => `#define PY_SSIZE_T_CLEAN
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "${module}", NULL, -1, NULL, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_${module}(void) { return PyModule_Create(&module); }
`;
const DYNAMIC = 'dynamic = ["version"]\n';
const MODULES = (name: string): string => `[tool.setuptools]\npy-modules = ["${name}"]\n`;
/** A module by Python's C interface, so that no bindings are needed: PyModuleDef as moduleobject.h has it. */
const RUST_MODULE = `use std::os::raw::{c_char, c_int, c_void};
use std::ptr::{addr_of_mut, null_mut};
#[repr(C)]
struct Def { refs: isize, kind: *mut c_void, init: *mut c_void, index: isize, copy: *mut c_void,
             name: *const c_char, doc: *const c_char, size: isize, rest: [*mut c_void; 5] }
extern "C" { fn PyModule_Create2(def: *mut Def, version: c_int) -> *mut c_void; }
static mut DEF: Def = Def { refs: 1, kind: null_mut(), init: null_mut(), index: 0, copy: null_mut(),
    name: b"_be_rust\\0".as_ptr() as *const c_char, doc: std::ptr::null(), size: -1, rest: [null_mut(); 5] };
#[no_mangle]
#[allow(non_snake_case)]
pub extern "C" fn PyInit__be_rust() -> *mut c_void {
    assert!(curd_crate::answer() == 42);
    unsafe { PyModule_Create2(addr_of_mut!(DEF), 1013) }
}
`;

/** By project name. */
export const BACK_ENDS: Readonly<Record<string, BackEndFiles>> = {
  'be-legacy': {
    'setup.py': 'from distutils.core import setup\nsetup(name="be-legacy", version="1.0", py_modules=["be_legacy"])\n',
    'be_legacy.py': MODULE,
  },
  'be-setupcfg': {
    'setup.py': 'import setuptools; setuptools.setup()\n',
    'setup.cfg': '[metadata]\nname = be-setupcfg\nversion = 1.0\n\n[options]\npy_modules = be_setupcfg\n',
    'be_setupcfg.py': MODULE,
  },
  'be-setup-requires': {
    'setup.py':
      'from setuptools import setup\nimport sys\nif "bdist_wheel" in sys.argv: import six\nsetup(name="be-setup-requires", use_scm_version=True, setup_requires=["setuptools_scm", "six>=1; python_version >= \'3\'"], py_modules=["be_setup_requires"])\n',
    'be_setup_requires.py': MODULE,
  },
  'be-c': {
    'setup.py':
      'from setuptools import Extension, setup\nsetup(name="be-c", version="1.0", ext_modules=[Extension("_be_c", ["c.c"])])\n',
    'c.c': C('_be_c'),
  },
  'be-setuptools': {
    'pyproject.toml': pyproject('be-setuptools', '"setuptools>=61"', 'setuptools.build_meta', MODULES('be_setuptools')),
    'be_setuptools.py': MODULE,
  },
  'be-scm': {
    'pyproject.toml': pyproject(
      'be-scm',
      '"setuptools>=61", "setuptools-scm[toml]>=6.2"',
      'setuptools.build_meta',
      `[tool.setuptools_scm]\nwrite_to = "_be_version.py"\n${MODULES('be_scm')}`,
      DYNAMIC,
    ),
    'be_scm.py': MODULE,
  },
  'be-flit': {
    'pyproject.toml': pyproject(
      'be-flit',
      '"flit_core >=3.2,<4"',
      'flit_core.buildapi',
      '',
      'dynamic = ["version", "description"]\n',
    ),
    'be_flit.py': '"""A module."""\n__version__ = "1.0"\n',
  },
  'be-poetry': {
    'pyproject.toml':
      '[build-system]\nrequires = ["poetry-core>=1.0.0"]\nbuild-backend = "poetry.core.masonry.api"\n\n[tool.poetry]\nname = "be-poetry"\nversion = "1.0"\ndescription = "x"\nauthors = ["A <a@example.org>"]\n',
    'be_poetry.py': MODULE,
  },
  'be-hatch-vcs': {
    'pyproject.toml': pyproject(
      'be-hatch-vcs',
      '"hatchling", "hatch-vcs"',
      'hatchling.build',
      '[tool.hatch.version]\nsource = "vcs"\n',
      DYNAMIC,
    ),
    'be_hatch_vcs.py': MODULE,
  },
  'be-pdm': {
    'pyproject.toml': pyproject(
      'be-pdm',
      '"pdm-backend"',
      'pdm.backend',
      '[tool.pdm.version]\nsource = "scm"\n',
      DYNAMIC,
    ),
    'be_pdm.py': MODULE,
  },
  'be-meson': {
    'pyproject.toml': pyproject('be-meson', '"meson-python"', 'mesonpy'),
    'meson.build':
      "project('be-meson', 'c', version: '1.0')\npy = import('python').find_installation(pure: false)\npy.extension_module('_be_meson', 'c.c', install: true)\n",
    'c.c': C('_be_meson'),
  },
  'be-scikit': {
    'pyproject.toml': pyproject('be-scikit', '"scikit-build-core>=0.10"', 'scikit_build_core.build'),
    'CMakeLists.txt':
      'cmake_minimum_required(VERSION 3.15...3.30)\nproject(${SKBUILD_PROJECT_NAME} LANGUAGES C)\nfind_package(Python COMPONENTS Interpreter Development.Module REQUIRED)\nPython_add_library(_be_scikit MODULE c.c WITH_SOABI)\ninstall(TARGETS _be_scikit DESTINATION .)\n',
    'c.c': C('_be_scikit'),
  },
  'be-cython': {
    'pyproject.toml': pyproject('be-cython', '"setuptools>=61", "Cython>=0.29"', 'setuptools.build_meta'),
    'setup.py':
      'from setuptools import Extension, setup\nfrom Cython.Build import cythonize\nsetup(ext_modules=cythonize([Extension("_be_cython", ["_be_cython.pyx"])]))\n',
    '_be_cython.pyx': 'def answer():\n    return 42\n',
  },
  'be-cffi': {
    'pyproject.toml': pyproject(
      'be-cffi',
      '"setuptools>=61", "cffi>=1.0"',
      'setuptools.build_meta',
      `[tool.setuptools]\npy-modules = []\n`,
      'version = "1.0"\ndependencies = ["cffi"]\n',
    ),
    'setup.py': 'from setuptools import setup\nsetup(cffi_modules=["make.py:ffi"])\n',
    'make.py':
      'from cffi import FFI\nffi = FFI()\nffi.cdef("int answer(void);")\nffi.set_source("_be_cffi", "int answer(void) { return 42; }")\n',
  },
};

/** The crate that the Rust cases need: `answer()` of `curd_crate` 1.0.0, as a registry has it. */
interface PinnedCrate {
  readonly source: string;
  readonly sha256: string;
}

const crate = (name: string, dependency = 'curd-crate = "1"', more = ''): string =>
  `[package]\nname = "${name}"\nversion = "1.0.0"\nedition = "2021"\n${more}\n[dependencies]\n${dependency}\n`;
const lock = (name: string, { source, sha256 }: PinnedCrate): string =>
  `version = 3

[[package]]
name = "${name}"
version = "1.0.0"
dependencies = ["curd-crate"]

[[package]]
name = "curd-crate"
version = "1.0.0"
source = "${source}"
checksum = "${sha256}"
`;
const maturin = (project: string, main = 'fn main() { println!("{}", curd_crate::answer()); }\n'): BackEndFiles => ({
  'pyproject.toml': pyproject(project, '"maturin>=1.0,<2.0"', 'maturin', '[tool.maturin]\nbindings = "bin"\n'),
  'src/main.rs': main,
});

/** Releases with Rust in them; the last three do not come through. */
export const rustCases = (pinned: PinnedCrate): Readonly<Record<string, BackEndFiles>> => ({
  'be-maturin': {
    ...maturin('be-maturin'),
    'Cargo.toml': crate('be_maturin'),
    'Cargo.lock': lock('be_maturin', pinned),
  },
  'be-setuptools-rust': {
    'setup.py': `from setuptools import setup
from setuptools_rust import Binding, RustExtension
setup(name="be-setuptools-rust", version="1.0",
      rust_extensions=[RustExtension("_be_rust", binding=Binding.NoBinding, py_limited_api=False)])
`,
    'pyproject.toml': '[build-system]\nrequires = ["setuptools", "setuptools-rust"]\n',
    'Cargo.toml': crate('be_rust', undefined, '\n[lib]\ncrate-type = ["cdylib"]\n'),
    'Cargo.lock': lock('be_rust', pinned),
    'src/lib.rs': RUST_MODULE,
  },
  'be-no-lock': { ...maturin('be-no-lock'), 'Cargo.toml': crate('be_no_lock') },
  'be-git': {
    ...maturin('be-git', 'fn main() {}\n'),
    'Cargo.toml': crate('be_git', 'whey = { git = "https://www.example.org/whey" }'),
    'Cargo.lock': `version = 3

[[package]]
name = "be_git"
version = "1.0.0"
dependencies = ["whey"]

[[package]]
name = "whey"
version = "1.0.0"
source = "git+https://www.example.org/whey#${'0123456789'.repeat(4)}"
`,
  },
  'be-wrong-crate': {
    ...maturin('be-wrong-crate'),
    'Cargo.toml': crate('be_wrong_crate'),
    'Cargo.lock': lock('be_wrong_crate', { ...pinned, sha256: 'ab'.repeat(32) }),
  },
});
