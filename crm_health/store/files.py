"""The database's file: who may read it, how it comes to be, and the lock beside it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crm_health.errors import ConfigError, LocalIOError

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def create(path: Path, build: Callable[[Path], None]) -> None:
    """Make the file with `build` under another name, then give it its own: all or nothing.

    A crash on the way leaves no half-made database, so an empty one found later is never ours.
    Several processes may do this at once: the first one's file stays.
    """
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        check_folder(path.parent)
        with _locked_folder(path.parent):
            if not os.path.lexists(path):
                _create(path, build)
    except OSError as error:
        raise LocalIOError(f"can't create the state {path}: {error.strerror}") from error


def _create(path: Path, build: Callable[[Path], None]) -> None:
    new = path.with_name(path.name + ".new")
    # The log of a database that is gone would be played into the new one.
    for left in (new, _beside(new, "-wal"), _beside(new, "-shm"), *logs(path)):
        left.unlink(missing_ok=True)
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW
    os.close(os.open(new, flags, _PRIVATE_FILE))
    build(new)
    if _beside(new, "-wal").exists():
        # SQLite couldn't play its log into the file, for want of room, and does not say so.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    new.rename(path)
    _sync_folder(path.parent)


def logs(path: Path) -> tuple[Path, ...]:
    """The files SQLite keeps beside the database."""
    return tuple(_beside(path, end) for end in ("-wal", "-shm", "-journal"))


def check_folder(folder: Path) -> None:
    """See that nobody else can replace files in the folder.

    Raises:
        ConfigError: others may write to it.
    """
    mode = folder.stat().st_mode
    if mode & 0o022 and not mode & stat.S_ISVTX:
        raise ConfigError(
            f"others may write to the folder of the state: chmod 700 {folder}", code="CH-MODE"
        )


def check_private(path: Path) -> None:
    """See that the file is a plain file of ours that nobody else may read.

    Raises:
        ConfigError: it is a link, not a file, another user's, or open to others.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a plain file"
        raise ConfigError(f"the state {path} is {kind}: give the file itself", code="CH-MODE")
    if found.st_uid != os.geteuid():
        raise ConfigError(
            f"the state {path} belongs to another user (uid {found.st_uid}): run as that user, "
            "or chown the file",
            code="CH-MODE",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(
            f"other users may read the state {path}: chmod 600 {path}", code="CH-MODE"
        )


class FileLock:
    """An exclusive lock on a file; the kernel drops it when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object has the lock."""
        return self._handle is not None

    def take(self) -> bool:
        """Take the lock if it is free; False where another process or object has it.

        Raises:
            LocalIOError: the lock file can't be made or locked.
        """
        if self._handle is not None:
            return False
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW
        try:
            handle = os.open(self._path, flags, _PRIVATE_FILE)
        except OSError as error:
            raise LocalIOError(f"can't open the lock {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError as error:
            os.close(handle)
            raise LocalIOError(f"can't lock {self._path}: {error.strerror}") from error
        self._handle = handle
        return True

    def release(self) -> None:
        """Let go; harmless when not held. The file stays: removing it would race."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)
