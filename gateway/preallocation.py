"""Blocks of the disk, taken before they are needed: what is written into them finds room on a full disk, too."""

from __future__ import annotations

import ctypes
import errno
import logging
import os

KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of fallocate(2): the file's length stays, so appending goes on as before
UNABLE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})

log = logging.getLogger("pylo.gateway")


def preallocate(file: int, size: int) -> None:
    """Take `size` bytes for a file; raise `OSError` where the disk has not so many.

    A file system that cannot is told of and used all the same: then the end of a request may find the disk full, and
    the request is recorded as interrupted.
    """
    number = fallocate(file, size)
    if number in UNABLE:
        log.warning("the journal's disk takes no blocks ahead", extra={"crash": errno.errorcode[number]})
    elif number:
        raise OSError(number, os.strerror(number))


def fallocate(file: int, size: int) -> int:
    """Return 0, or the number of the error. `os.posix_fallocate` would change the file's length."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if call is None:
        return errno.ENOSYS
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return 0 if call(file, KEEP_SIZE, 0, size) == 0 else ctypes.get_errno()
