"""Kernels for reports: forked from a process that has imported their libraries already, or started in the ordinary way."""

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from contextlib import suppress

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

_NUMERIC = ("numpy", "pandas", "scipy", "sklearn", "torch", "cv2", "av", "captum", "pytorch_lightning")
PRELOADED = frozenset(("stavis", *_NUMERIC, "plotly", "matplotlib", "IPython", "ipywidgets", "anywidget"))
"""What may be imported ahead of a notebook: libraries whose import starts no thread and opens nothing. A user's own modules never."""


def preload_of(notebook: nbformat.NotebookNode) -> tuple[str, ...]:
    """What a notebook imports, and what it takes from stavis, as far as that may be imported ahead of it."""
    names: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        with suppress(SyntaxError, ValueError):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names |= {f"{node.module}:{alias.name}" for alias in node.names}
                elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "stavis":
                    names.add(f"stavis:{node.attr}")
    return tuple(sorted(name for name in names if name.split(":")[0].split(".")[0] in PRELOADED))


class ForkServer:
    """One running fork server (see stavis.batch.fork_server), asked from any thread."""

    def __init__(self, preload: tuple[str, ...]):
        self.preload = preload
        self._one = threading.Lock()
        self._started = threading.Event()
        # a thread of its own holds it: the server ends when the thread that started it does
        threading.Thread(target=self._hold, name="fork-server", daemon=True).start()
        self._started.wait()
        self.ready = bool(self._answer().get("ready"))

    def _hold(self) -> None:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stavis.batch.fork_server", str(os.getpid()), *self.preload],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                text=True,
                env=env,
            )
        finally:
            self._started.set()
        self._process.wait()

    def ask(self, order: dict) -> dict:
        """The server's answer; empty where it has died."""
        with self._one, suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return self._answer()
        return {}

    def start(self, argv: list[str], cwd: str, env: dict[str, str], path: list[str]) -> "ForkedKernel | None":
        """A kernel with these arguments; None where the server has died."""
        answer = self.ask({"start": {"argv": argv, "cwd": cwd, "env": env, "path": path}})
        return ForkedKernel(self, answer["pid"]) if "pid" in answer else None

    def close(self) -> None:
        """End the server and every kernel that still runs."""
        with suppress(OSError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        return json.loads(line) if line else {}


class ForkedKernel:
    """A kernel's process with as much of subprocess.Popen's face as its manager looks at."""

    stdin = stdout = stderr = None

    def __init__(self, server: ForkServer, pid: int):
        self.server, self.pid = server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self.server.ask({"poll": self.pid}).get("code", -signal.SIGKILL)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code; the manager asks only when the kernel has ended."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel while it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


_held: dict[tuple[str, ...], ForkServer] = {}
_holding = threading.Lock()


def fork_server_for(preload: tuple[str, ...]) -> ForkServer | None:
    """This process's fork server with these imports, started at the first call; None where forking is not safe here."""
    if sys.platform != "linux":  # elsewhere system libraries do not survive a fork
        return None
    with _holding:
        held = _held.get(preload)
        if held is None or (held.ready and not held.ask({"poll": 0})):
            for other in _held.values():
                other.close()
            _held.clear()
            held = _held[preload] = ForkServer(preload)
        return held if held.ready else None


class ReportProvisioner(LocalProvisioner):
    """Starts a notebook's kernel, warm where that can be, and leaves none of its processes behind."""

    preload: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    group: int | None = None

    async def launch_kernel(self, cmd, **options):
        """See the base class."""
        self.process = self._forked(cmd, options)
        if self.process is None:
            env = options["env"]
            env["PYTHONPATH"] = os.pathsep.join(filter(None, (*self.path, env.get("PYTHONPATH", ""))))
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            info = await super().launch_kernel(cmd, **{**options, **silent})
        else:
            self.pid = self.pgid = self.process.pid
            info = self.connection_info
        self.group = self.pgid
        return info

    def _forked(self, cmd: list[str], options: dict) -> ForkedKernel | None:
        server = fork_server_for(self.preload) if cmd[:1] == [sys.executable] and "ipykernel_launcher" in cmd else None
        if server is None:
            return None
        return server.start(cmd[cmd.index("ipykernel_launcher") + 1 :], options["cwd"], options["env"], list(self.path))

    async def cleanup(self, restart: bool = False) -> None:
        """See the base class; what the notebook started and left running ends with it."""
        if self.group and hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self.group, signal.SIGKILL)
        await super().cleanup(restart=restart)


class ReportKernelManager(AsyncKernelManager):
    """Jupyter's kernel manager with our provisioner, unless the kernel brings one of its own."""

    preload: tuple[str, ...] = ()
    path: tuple[str, ...] = ()

    async def _async_pre_start_kernel(self, **options):
        if self.provisioner is None and not self.kernel_spec.metadata.get("kernel_provisioner"):
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self.provisioner = ReportProvisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
            self.provisioner.preload, self.provisioner.path = self.preload, self.path
        return await super()._async_pre_start_kernel(**options)
