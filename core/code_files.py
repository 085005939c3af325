"""Python files of the user's own: their content before anything in them runs, and how it runs. Imports no torch.

That they run happens in workers and probes only.
"""

import sys
from contextlib import chdir
from hashlib import sha256
from types import ModuleType

from core.errors import UsageError, sentence_of
from core.specs.code_files import CodeFile

SHOWN = 12  # figures of a hash that a sentence gives


def read_source(spec: CodeFile) -> bytes:
    """The content of the file. Raises UsageError where it can't be read."""
    try:
        return spec.path.read_bytes()
    except OSError as error:
        raise UsageError(f"The {spec.noun} file {spec.path} can't be read: {error.strerror or error}.") from None


def sha256_of(source: bytes) -> str:
    return sha256(source).hexdigest()


def changed_sentence(spec: CodeFile, now: str) -> str:
    """The sentence that says that the file's content is not what it was."""
    then = (spec.sha256 or "")[:SHOWN]
    return f"The {spec.noun} file {spec.path} has changed: its sha256 was {then}... and is now {now[:SHOWN]}..."


def pinned_source(spec: CodeFile) -> bytes:
    """The content of the file, which is what it was pinned to. Raises UsageError where it isn't."""
    source = read_source(spec)
    now = sha256_of(source)
    if spec.sha256 not in (None, now):
        raise UsageError(f"{changed_sentence(spec, now)} Put the old content back.")
    return source


def run_source(spec: CodeFile, source: bytes) -> ModuleType:
    """The file as a module under a name that nothing else has: just the bytes whose hash is known."""
    module = ModuleType(f"thalweg_{spec.noun}_{sha256_of(source)}")
    module.__file__ = str(spec.path)
    sys.modules[module.__name__] = module  # dataclasses look themselves up there
    try:
        with chdir(spec.path.parent):
            exec(compile(source, spec.path, "exec"), module.__dict__)  # noqa: S102 - the file that the user named
    except (Exception, SystemExit) as error:
        alone = isinstance(error, ImportError)
        hint = "; it must be self-contained, with installed packages only" if alone else ""
        raise UsageError(f"The {spec.noun} file {spec.path} fails with {sentence_of(error)}{hint}.") from error
    return module
