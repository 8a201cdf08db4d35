"""Checkpoints of stavis on the Hugging Face Hub: read at a pinned commit, written with a model card; safetensors only.

huggingface_hub (the extra `hub`) is imported when a name that begins with hf: is used, and never before.
"""

import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType

from stavis.errors import StavisError
from stavis.lazy_names import missing
from stavis.storage.files import read_json

PREFIX = "hf:"
FILES = ("model.safetensors", "config.json", "README.md")
"""What a checkpoint is made of, on the hub as on disk."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_NAME = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[^\s@]+))?")
_SHOWN = 12  # characters of a commit in names that a reader sees


@dataclass(frozen=True)
class HubCopy:
    """A checkpoint of the hub as it lies in the cache of huggingface_hub: its repository, the commit, its folder, what must be known."""

    repository: str
    commit: str
    folder: Path
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called on pages: the repository and the beginning of the commit."""
        return f"{PREFIX}{self.repository}@{self.commit[:_SHOWN]}"

    @property
    def pinned(self) -> str:
        """What `stavis.load` takes to open exactly this again."""
        return f"{PREFIX}{self.repository}@{self.commit}"


def is_hub_name(text: object) -> bool:
    """Whether a text is meant as the name of a repository on the hub."""
    return isinstance(text, str) and text.startswith(PREFIX)


def parsed(text: str) -> tuple[str, str | None]:
    """The repository "owner/name" and the revision (None where none is given) of "hf:owner/name@revision".

    Raises StavisError where the text is no such name.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise StavisError(f"{text!r} is no name on the hub: give hf:owner/name, or hf:owner/name@revision (a branch, tag or commit).")
    return found["name"], found["revision"]


def download(text: str) -> HubCopy:
    """The checkpoint that "hf:owner/name@revision" names, at the commit that the revision stands for now; where the hub cannot be
    reached, the copy that was downloaded before, which a note says.

    Raises StavisError where there is none: no such repository or revision, no right to read it, no checkpoint of stavis in it.
    """
    repository, revision = parsed(text)
    library = _library(text)
    api = library.HfApi()
    try:
        with _refusals_of(text):
            info = api.model_info(repository, revision=revision)
    except ConnectionError as error:
        return _kept(library, text, repository, revision, error)
    _check_files(text, [one.rfilename for one in info.siblings or ()])
    with _refusals_of(text):
        described = library.hf_hub_download(repository, "config.json", revision=revision)
    _check_config(text, Path(described))
    with _refusals_of(text):
        folder = Path(library.snapshot_download(repository, revision=revision, allow_patterns=list(FILES)))
    return HubCopy(repository, folder.name, folder)  # the library names a snapshot's folder by its commit


def upload(folder: Path, card: str, repository: str, *, private: bool, revision: str | None) -> str:
    """Put a checkpoint's weights and config.json and the text of its card into a repository, made where there is none.

    Returns its pinned name, which `stavis.load` takes. Raises StavisError where it cannot be written.
    """
    name = PREFIX + repository
    if parsed(name) != (repository, None):
        raise StavisError(f"{repository!r} holds a revision: give owner/name, and the branch as revision=.")
    library = _library(name)
    api, add = library.HfApi(), library.CommitOperationAdd
    files = [add(path_in_repo=one, path_or_fileobj=str((folder / one).resolve())) for one in FILES[:2]]
    files.append(add(path_in_repo=FILES[2], path_or_fileobj=card.encode()))
    try:
        with _refusals_of(name, writing=True):
            api.create_repo(repository, private=private, exist_ok=True)
            if revision is not None:
                api.create_branch(repository, branch=revision, exist_ok=True)
            made = api.create_commit(repository, files, commit_message="A checkpoint of stavis", revision=revision)
    except ConnectionError as error:
        raise StavisError(f"{name} cannot be written, the hub is not reachable ({error}): go online and try again.") from error
    return f"{name}@{made.oid}"


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise missing("huggingface_hub", name) from error


def _kept(library: ModuleType, text: str, repository: str, revision: str | None, error: Exception) -> HubCopy:
    """The copy that was downloaded before, without asking the hub."""
    try:
        folder = Path(library.snapshot_download(repository, revision=revision, local_files_only=True, allow_patterns=list(FILES)))
    except (OSError, ValueError) as missing:
        raise StavisError(
            f"{text} cannot be read, the hub is not reachable ({error}) and no copy is on this machine: go online once, or give a folder."
        ) from missing
    if not all((folder / one).is_file() for one in FILES[:2]):
        raise StavisError(f"{text} is only partly on this machine and the hub is not reachable ({error}): go online once.")
    _check_config(text, folder / "config.json")
    note = f"The hub was not reachable: the copy of {PREFIX}{repository} at commit {folder.name[:_SHOWN]} on this machine is read."
    return HubCopy(repository, folder.name, folder, (note,))


def _check_files(text: str, names: Sequence[str]) -> None:
    """Raises StavisError where a repository does not hold the files of a checkpoint, before anything is downloaded."""
    missing = [one for one in FILES[:2] if one not in names]
    if not missing:
        return
    pickles = [one for one in names if PurePosixPath(one).suffix in PICKLES]
    if FILES[0] in missing and pickles:
        raise StavisError(
            f"{text} holds its weights as pickle ({pickles[0]}), which can run code and is never opened: take one with {FILES[0]}."
        )
    raise StavisError(f"{text} holds no checkpoint of stavis (no {missing[0]}): give a repository that push_to_hub wrote.")


def _check_config(text: str, path: Path) -> None:
    """Raises StavisError where a config.json is of another library's network."""
    info = read_json(path, limit=4 << 20)
    if isinstance(info, dict) and "format" in info and "system" in info:
        return
    made = (info.get("architectures") or [None])[0] if isinstance(info, dict) else None
    if isinstance(made, str):
        raise StavisError(
            f"{text} holds a {made} of transformers, no checkpoint of stavis: open it with transformers and give the module to stavis.load."
        )
    raise StavisError(f"{text} holds no checkpoint of stavis (its config.json is another's): give a repository that push_to_hub wrote.")


@contextmanager
def _refusals_of(text: str, *, writing: bool = False) -> Iterator[None]:
    """Inside, what the hub refuses is one sentence; a hub that cannot be reached is a ConnectionError with a short reason."""
    try:
        yield
    except Exception as error:
        kinds = importlib.import_module("huggingface_hub.utils")
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(error, kinds.GatedRepoError):
            raise StavisError(f"{text} is gated: ask for access on its page, then log in with 'hf auth login'.") from error
        if isinstance(error, kinds.RevisionNotFoundError):
            raise StavisError(f"{text}: there is no such revision: give a branch, a tag or a commit that the repository has.") from error
        if writing and status == 401:
            raise StavisError(f"{text} cannot be written, there is no valid token: log in with 'hf auth login'.") from error
        if writing and status == 403:
            raise StavisError(f"{text} cannot be written with this token: take one with write access to {text[3:]}.") from error
        if isinstance(error, kinds.RepositoryNotFoundError) or status == 401:
            raise StavisError(
                f"{text}: there is no such repository, or it is private: check the name, or log in with 'hf auth login'."
            ) from error
        if isinstance(error, kinds.HFValidationError):
            raise StavisError(f"{text} is no name on the hub ({_short(error)}): give hf:owner/name.") from error
        if status is not None and status < 500:
            raise StavisError(f"{text}: the hub refused ({status}, {_short(error)}): check the name and your token.") from error
        if status is not None or isinstance(error, OSError) or type(error).__module__.startswith(("httpx", "requests")):
            raise ConnectionError(_short(error)) from error
        raise


def _short(error: Exception) -> str:
    """The first line of a message, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".: ")
