import { expect, it } from 'vitest';
import { initKindOf } from './namespace-init.ts';

it.each([
  "__import__('pkg_resources').declare_namespace(__name__)\n",
  '__import__("pkg_resources").declare_namespace(__name__)  # pragma: no cover',
  "__path__ = __import__('pkgutil').extend_path(__path__, __name__)  # type: ignore\n",
  '# licence\n\nfrom pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n',
  '"""A namespace; try: it"""\nimport pkgutil\r\n__path__ = pkgutil.extend_path(__path__,__name__)\r\n',
  "'''A\nnamespace.'''\nfrom __future__ import absolute_import\nimport pkg_resources\npkg_resources.declare_namespace(__name__)\n",
  `# -*- coding: utf-8 -*-
try:
    import pkg_resources
    pkg_resources.declare_namespace(__name__)
except ImportError:
    import pkgutil
    __path__ = pkgutil.extend_path(__path__, __name__)
`,
  "try: __import__('pkg_resources').declare_namespace(__name__)\nexcept (ImportError, KeyError): pass\n",
  'from typing import List\nfrom pkgutil import extend_path\n__path__: List[str] = extend_path(__path__, __name__)\n',
])('only declares a namespace: %j', (source) => expect(initKindOf(source)).toBe('namespace'));

it.each(['', '\n# comment\n', '"""A docstring."""\n', "\ufeff'x'"])('does nothing: %j', (source) =>
  expect(initKindOf(source)).toBe('nothing'),
);

const DECLARATION = "__import__('pkg_resources').declare_namespace(__name__)\n";
it.each([
  '__version__ = "1"\n',
  `${DECLARATION}__version__ = "1"\n`,
  `${DECLARATION}from .core import *\n`,
  `import os; ${DECLARATION}`,
  'pass\n',
  `"""a""" + evil()\n${DECLARATION}`,
  `"""a\\""" + evil() #"""\n${DECLARATION}`,
  `x = """\n${DECLARATION}"""\n`,
  `if True: ${DECLARATION}`,
  `except evil():\n${DECLARATION}`,
  '# coding: utf-7\n+AG8-s\n',
])('is code: %j', (source) => expect(initKindOf(source)).toBeUndefined());
