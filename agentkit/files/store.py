"""Rollouts on disk: the cassette that grows a line a step, and the saved trajectory, which is the
same file written at once.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import FileIO
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from agentkit.errors import CassetteError, FileInUse, NoFile, UsageError
from agentkit.files.cassette.codec import decode_lines, encode_line, load_lines, load_samples
from agentkit.files.cassette.lines import Line, dump
from agentkit.files.cassette.scan import Scan
from agentkit.files.held import trajectories_of
from agentkit.files.lock import lock_of
from agentkit.servers.redaction import Redactor, environment_secrets
from agentkit.types.hooks import hook
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory

_log = logging.getLogger("agentkit")


class CassetteWriter:
    """Appends lines to a cassette. Each line reaches the operating system, whole, before the next
    step begins.

    Several threads and processes may append to one file: a lock on the file keeps their lines apart
        and their rollouts numbered. A line that cannot be written, as on a full disk, is taken
        back, so that what stands there stays whole. Keys of the server, and those in environment
        variables, are taken out of every line, also where a prompt, a model or a tool repeats them.
    """

    _begun: set[int] | None = None
    """In a forked child, the rollouts it has begun; the others are its parent's."""

    def __init__(self, path: Path, keep: bool = False) -> None:
        self.path = path
        self.use = lock_of(path)
        self._kept = False
        if keep:
            self.keep()
        self._lock = threading.Lock()
        self._scan = Scan()
        self._known: Any = None
        self._redact = Redactor(environment_secrets(os.environ))
        self.look()

    def guard(self, redact: Redactor) -> None:
        """Keeps these secrets out of the file as well."""
        self._redact = self._redact.joined(redact)

    def keep(self) -> None:
        """Keeps the file in use for as long as this writer lives.

        Raises:
            FileInUse: another process goes on with its rollouts.
        """
        if not self._kept:
            self.use.keep(self)
            self._kept = True

    def look(self) -> None:
        """Makes sure that the file is a cassette which can be written, before a model is paid for.

        Raises:
            UsageError: it is something else.
            OSError: it cannot be written.
        """
        with self._locked() as file:
            self._catch_up(file)

    def begin(self, trajectory: Trajectory) -> int:
        """The index of a rollout that is recorded from now on, once all there is of it has been
        written.
        """
        self.use.ensure(self)
        with self._locked() as file:
            self._catch_up(file)
            sample = 1 + max(self._scan.rollouts, default=-1)
            self._append(file, dump(trajectory, sample))
            self._catch_up(file)
            if self._begun is not None:
                self._begun.add(sample)
            return sample

    def write(self, line: Line) -> None:
        """Appends one line.

        Raises:
            FileInUse: the line belongs to a rollout of the process that this one was forked from.
        """
        if self._begun is not None and not self.use.alone and line.get("sample") not in self._begun:
            raise FileInUse(
                f"the process this one was forked from records this rollout in {self.path.name!r}",
                hint="begin a rollout of its own in the child",
            )
        with self._locked() as file:
            self._append(file, [line])

    def after_fork(self) -> None:
        """Leaves the rollouts that are under way to the parent."""
        self._lock = threading.Lock()
        self._begun = set()

    @contextmanager
    def _locked(self) -> Iterator[FileIO]:
        with self._lock, FileIO(self.path, "a+") as file, alone(file):
            yield file

    def _append(self, file: FileIO, lines: list[Line]) -> None:
        size = file.seek(0, os.SEEK_END)
        data = "".join(self._redact(encode_line(line)) for line in lines).encode()
        if (
            size and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
        ):  # a torn line must not run into the next
            data = b"\n" + data
        try:
            while data:
                data = data[file.write(data) or 0 :]
        except OSError:
            file.truncate(size)
            raise

    def _catch_up(self, file: FileIO) -> None:
        """Takes note of what others have written; a file that was removed, emptied or replaced
        begins anew.
        """
        size, inode = file.seek(0, os.SEEK_END), os.fstat(file.fileno()).st_ino
        file.seek(0)
        known = (inode, file.read(min(self._scan.end, 256)))
        if size < self._scan.end or known != self._known:
            self._scan = Scan()
        with open(self.path, "rb") as reader:
            try:
                self._scan.read(reader)
            except CassetteError as exc:
                name = self.path.name
                raise UsageError(
                    f"{name!r} exists and is not a cassette: {exc}",
                    hint="choose another file name, or remove it",
                ) from None
        file.seek(0)
        self._known = (inode, file.read(min(self._scan.end, 256)))


@contextmanager
def alone(file: FileIO) -> Iterator[None]:
    """Nobody else appends meanwhile, where the system has a lock for that."""
    try:
        import fcntl
    except ImportError:  # Windows; there a line is still one write
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


_cassettes: WeakValueDictionary[Path, CassetteWriter] = WeakValueDictionary()


def _after_fork() -> None:
    for writer in list(_cassettes.values()):
        writer.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def to_write(path: Any) -> Path:
    """The path, where a file can stand there.

    Raises:
        UsageError: it is no path, or a folder.
        NoFile: its folder is not there.
    """
    target = _path(path)
    if not target.resolve().parent.is_dir():
        raise NoFile(
            f"there is no folder {str(target.parent)!r}", hint="make it first, or choose another"
        )
    return target


def to_read(path: Any) -> Path:
    """The path, where a file stands there.

    Raises:
        UsageError: it is no path, or a folder.
        NoFile: there is no such file.
    """
    target = _path(path)
    if not target.exists():
        hint = f"a text is read as the path of a file; the working directory is {str(Path.cwd())!r}"
        raise NoFile(f"there is no file {clip(str(target), 200)!r}", hint=hint)
    return target


def _path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"the path is a {type(path).__name__}", hint="name a file: 'run.jsonl'")
    target = Path(path)
    if target.is_dir():
        raise UsageError(f"{str(target)!r} is a folder", hint="name a file in it")
    return target


def used(path: Any, *, alone: bool) -> AbstractContextManager[None]:
    """Holds the file in use: alone, where rollouts that stand in it go on; of no path, nothing.

    Raises:
        FileInUse: another run or process writes it, and one of the two must be alone.
        UsageError: it is no path, or a folder.
        NoFile: its folder is not there.
    """
    return nullcontext() if path is None else lock_of(to_write(path)).used(alone=alone)


def cassette(path: Any, *, keep: bool = False) -> CassetteWriter:
    """The writer of this file: one for all who record there. With `keep` the file is in use as long
    as the writer lives.

    Raises:
        FileInUse: another process goes on with its rollouts.
        UsageError: the file exists and is not a cassette, or it is no file's path.
        NoFile: its folder is not there.
        OSError: it cannot be written.
    """
    target = to_write(path).resolve()
    writer = _cassettes.get(target)
    if writer is None:
        writer = _cassettes[target] = CassetteWriter(target, keep)
    else:
        if keep:
            writer.keep()
        writer.look()
    return writer


def save(rollouts: Any, path: Any) -> Path:
    """The path, once the trajectory, or the list of them, is written there; whole or not at all.

    A path that ends in `.html` gets one self-contained page that works offline, also of a diff or a
    comparison; any other the format `ak.load` and `ak.replay` read. Of a debugger the branch it
    stands on is saved; all of them by `ak.save(dbg.tree, path)`.

    Raises:
        UsageError: there is nothing to save, or the path is none.
        NoFile: its folder is not there.
        FileInUse: rollouts are being recorded there.
    """
    target = to_write(path)
    redact = Redactor(environment_secrets(os.environ))
    as_page = target.suffix.lower() in (".html", ".htm")
    if (
        as_page
        and callable(getattr(rollouts, "html", None))
        and not (isinstance(rollouts, Sequence) or hasattr(rollouts, "trajectory"))
    ):
        write_whole(target, [redact(hook("page")(rollouts))])
        return target
    trajectories = trajectories_of(rollouts)
    if as_page:
        write_whole(
            target,
            [
                redact(
                    hook("page")(trajectories[0] if len(trajectories) == 1 else tuple(trajectories))
                )
            ],
        )
    else:
        with used(target if target.exists() else None, alone=True):
            write_whole(
                target,
                (
                    redact(encode_line(line))
                    for i, t in enumerate(trajectories)
                    for line in dump(t, i)
                ),
            )
    return target


def write_whole(target: Path, texts: Iterable[str]) -> None:
    """Written beside the target and moved over it, so that a crash leaves the old file."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(texts)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def load(path: Any) -> Any:
    """The trajectory saved or recorded at the path; a list where the file holds several.

    Every raw answer is read again, so an old file profits from a better reader. A torn last line,
    as a crash leaves it, is ignored.

    Raises:
        FileNotFoundError: there is no such file.
        CassetteError: it is not such a file.
    """
    found = load_all(path)
    if not found:
        raise CassetteError(f"{str(path)!r} holds no rollout")
    return found[0] if len(found) == 1 else found


def load_all(path: Any) -> list[Trajectory]:
    """The trajectories of a file, in the order of their sample index."""
    return load_lines(_lines(to_read(path)))


def load_by_sample(path: Any) -> dict[int, Trajectory]:
    """The trajectories of a file by sample index; none where there is no file."""
    return load_samples(_lines(Path(path))) if Path(path).exists() else {}


def _lines(path: Path) -> Iterator[Line]:
    with open(path, encoding="utf-8", errors="replace") as file:
        yield from decode_lines(file, lambda message: _log.warning("%s: %s", path.name, message))


def is_ours(path: Any) -> bool:
    """Whether the file is one of agentkit's, by its first line."""
    with open(to_read(path), encoding="utf-8", errors="replace") as file:
        first = next((line for line in file if line.strip()), "")
    try:
        head = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(head, dict) and "agentkit" in head


def read_json_lines(path: Any) -> list[Any]:
    """The values of a JSON Lines file, or the value of a JSON file in a list.

    Raises:
        CassetteError: it is neither.
    """
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    try:
        return [json.loads(text)]
    except ValueError:
        pass
    values = []
    for number, line in enumerate(
        text.split("\n"), 1
    ):  # and no other line break: JSON may hold U+2028 as it is
        if line.strip():
            try:
                values.append(json.loads(line))
            except ValueError as exc:
                raise CassetteError(
                    f"line {number} of {Path(path).name!r} is not JSON: {exc}"
                ) from None
    return values
