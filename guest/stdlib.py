"""What a hook's interpreter would import first, imported once while the agent waits for its job.

Only the standard library; no distutils, because setuptools replaces it and warns where it is there already.
"""

import gc
import importlib

NAMES = """
argparse ast base64 bz2 calendar codecs collections.abc concurrent.futures configparser contextlib copy csv ctypes
ctypes.util dataclasses datetime decimal difflib dis email email.generator email.headerregistry email.message
email.parser email.policy enum errno fileinput fnmatch fractions functools getpass gettext glob graphlib gzip hashlib
hmac html html.parser http http.client importlib.machinery importlib.metadata importlib.resources importlib.util
inspect io itertools json locale logging logging.config logging.handlers lzma marshal mimetypes multiprocessing numbers
operator optparse os pathlib pickle pkgutil platform posixpath pprint queue random re reprlib runpy secrets select
shlex shutil signal site socket ssl stat string stringprep struct subprocess sysconfig tarfile tempfile textwrap
threading time token tokenize tomllib traceback types typing unicodedata unittest urllib.error urllib.parse
urllib.request uuid warnings weakref xml.etree.ElementTree zipfile zipimport zlib
"""


def warm():
    for name in NAMES.split():
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # a younger or an older Python than the one that has it
    gc.collect()
    gc.freeze()  # forked interpreters then leave these pages alone
