"""Turns a forked child of the agent into what `python3 -c …` would be in the job's root."""

import importlib
import os
import site
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))


def agent_modules():
    return [name for name, module in list(sys.modules.items()) if lies_here(module)]


def lies_here(module):
    file = getattr(module, "__file__", None)
    return bool(file) and os.path.dirname(os.path.abspath(file)) == HERE


def become_interpreter(first=()):
    """Forgets the agent, looks at the new root's site-packages, and gives the streams their usual buffers.

    `first` are folders put at the front of sys.path (PEP 517's backend-path). The standard library that is imported
    already stays: it is the same one, from the same base.
    """
    for name in agent_modules() + ["__main__", "sitecustomize", "usercustomize"]:
        sys.modules.pop(name, None)
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.path[:] = [path for path in sys.path if path and os.path.abspath(path) != HERE]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    sys.argv[:] = ["-c"]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = [sys.executable, "-c", ""]
    sys.stdin = sys.__stdin__ = open(0, closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", buffering=1, closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    # The paths of users and sites were worked out for the agent's root and home.
    site.USER_BASE = site.USER_SITE = site.ENABLE_USER_SITE = None
    site.main()
    sys.path[:0] = list(first)
