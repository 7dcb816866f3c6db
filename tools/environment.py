"""Lets every Python of .venv find Node, the chains and the compiler without activation.

`make setup` copies this file beside the installed packages and names it in a `.pth` file there, so Python runs it when
it starts.
"""

import os
import sys

# Strings, not pathlib: this runs at every start of Python.
_ROOT = sys.prefix.rpartition(os.sep)[0]
_FOLDERS = [f"{sys.prefix}/bin", f"{_ROOT}/node_modules/.bin"]
_OTHERS = [p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if p not in _FOLDERS]

os.environ["PATH"] = os.pathsep.join(_FOLDERS + _OTHERS)
os.environ["SOLCX_BINARY_PATH"] = f"{_ROOT}/tools/solc"
